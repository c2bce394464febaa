"""One label for a text or a pair of texts: NLI, paraphrase, defect detection, cloze over a closed set.

Pairs are read together (``pairs: cross``, the default, as BERT does) or apart (``dual``, ``product``): then the label
is read off the two texts' states alone. With ``multi`` an example has any number of the labels, joined by ``|``, each
decided by itself (xCodeEval's tags, Khan et al. 2023).

Heads as published, all over the state of a text's first token:

``cross``       dropout, dense, tanh, dropout, linear: transformers' RobertaForSequenceClassification, which XTREME
                (run_classify.py) and CodeXGLUE's Defect-detection (with one score in place of two) take. jiant's
                ClassificationHead is the same on top of the encoder's pooler, one more dense layer and tanh.
``dual``        the same over both states side by side: CodeXGLUE's Clone-detection-BigCloneBench (model.py)
``product``     each state after a dense layer and tanh; then dense, tanh, linear over both, their
                difference and their product: CodeXGLUE's NL-code-search-WebQuery (models.py)

Ours are a linear layer over the state of the mask, or the mean where there is none, and apart one over the cosine of
the two means, the first declared label being that of similar texts.
"""

from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.tasktypes.base import (
    IGNORE,
    Batch,
    Feature,
    Task,
    as_published,
    encode_texts,
    pad,
    pad_labels,
    permute,
    pooled_states,
)

SHARPNESS = 20.0  # the inverse of the temperature that retrieval trains with
BETWEEN = "|"  # labels of one example


def apart(task: Task) -> bool:
    """Whether the texts of a pair are read apart."""
    return task.options.get("pairs", "cross") != "cross"


def multi(task: Task) -> bool:
    """Whether an example may have several labels."""
    return bool(task.options.get("multi"))


def encode(examples: pd.DataFrame, tokenizer: Any, task: Task) -> list[Feature]:
    """One feature a row; ``tokens`` counts what the encoder reads."""
    first, second = examples["text_a"].tolist(), examples["text_b"].tolist()
    pairs = zip(examples["label"], examples["id"], strict=True)
    labels = [
        [task.label_index(part, row) for part in label.split(BETWEEN)] if multi(task) else task.label_index(label, row)
        for label, row in pairs
    ]
    if apart(task):
        sides = [encode_texts(tokenizer, side, None, task.max_length) for side in (first, second)]
        sequences = [list(pair) for pair in zip(*sides, strict=True)]
    else:
        paired = second if any(second) else None
        sequences = [[item] for item in encode_texts(tokenizer, first, paired, task.max_length)]
    return [
        {"sequences": parts, "label": label, "tokens": sum(len(part["input_ids"]) for part in parts)}
        for parts, label in zip(sequences, labels, strict=True)
    ]


def collate(features: list[Feature], tokenizer: Any, rng: Any = None) -> Batch:
    """Sequences of all features in one batch, the parts of a feature side by side."""
    batch = pad([part for feature in features for part in feature["sequences"]], tokenizer.pad_token_id)
    labels = [feature["label"] for feature in features]
    if isinstance(labels[0], list):
        batch["labels"] = pad_labels(labels)
    else:
        batch["label"] = torch.tensor(labels)
    return batch


class PublishedHead(nn.Module):
    """Scores of the labels from the first tokens' states: [sequences, hidden] -> [examples, labels]."""

    def __init__(self, task: Task, config: Any, dropout: float) -> None:
        super().__init__()
        self.dual, self.product = apart(task), task.options.get("pairs") == "product"
        width = config.hidden_size
        self.pooler = nn.Sequential(nn.Linear(width, width), nn.Tanh()) if self.product else nn.Identity()
        self.dropout = nn.Dropout(0.0 if self.product else dropout)
        self.dense = nn.Linear(width * (4 if self.product else 2 if self.dual else 1), width)
        self.out_proj = nn.Linear(width, len(task.labels))
        as_published(self, config)

    def forward(self, states: Tensor) -> Tensor:
        states = self.pooler(states)
        if self.dual:
            one, other = states[0::2], states[1::2]
            more = [one - other, one * other] if self.product else []
            states = torch.cat([one, other, *more], dim=1)
        return self.out_proj(self.dropout(torch.tanh(self.dense(self.dropout(states)))))


class Head(nn.Module):
    """Scores of the labels, shape [examples, labels]; the module's text says which heads there are."""

    def __init__(self, task: Task, config: Any, mask_id: int, dropout: float) -> None:
        super().__init__()
        self.dual, self.mask_id = apart(task), mask_id
        self.published = task.head == "published"
        if self.published:
            self.classifier: nn.Module = PublishedHead(task, config, dropout)
            return
        self.classifier = nn.Linear(1 if self.dual else config.hidden_size, len(task.labels))
        if self.dual:
            nn.init.constant_(self.classifier.weight, -0.5)
            nn.init.constant_(self.classifier.weight[0], 0.5)
            nn.init.zeros_(self.classifier.bias)
            self.threshold = nn.Parameter(torch.tensor(0.5))

    def forward(self, encoder: nn.Module, batch: Batch) -> Tensor:
        if self.published:
            return self.classifier(pooled_states(encoder, batch, first=True))
        if not self.dual:
            return self.classifier(pooled_states(encoder, batch, mask_id=self.mask_id))
        pooled = pooled_states(encoder, batch)
        similarity = F.cosine_similarity(pooled[0::2], pooled[1::2])
        return self.classifier(((similarity - self.threshold) * SHARPNESS).unsqueeze(-1))

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross entropy, mean over the examples; of several labels, mean over the examples and labels."""
        if "labels" not in batch:
            return F.cross_entropy(outputs, batch["label"])
        wanted = F.one_hot(batch["labels"].clamp(min=0), outputs.shape[1]) * (batch["labels"] != IGNORE).unsqueeze(-1)
        return F.binary_cross_entropy_with_logits(outputs, wanted.amax(1).to(outputs.dtype))


def decode(outputs: list[Tensor], features: list[Feature], examples: pd.DataFrame, task: Task) -> pd.DataFrame:
    """The most probable label of each example, or every label above 1/2; ``score`` is the highest probability."""
    if multi(task):
        each = torch.cat(outputs).sigmoid()
        chosen = [[task.labels[i] for i in row.nonzero().flatten().tolist()] for row in each > 0.5]
        prediction = [BETWEEN.join(sorted(labels)) for labels in chosen]
        score = each.amax(1).tolist()
        return pd.DataFrame({"gold": examples["label"], "prediction": prediction, "score": score})
    probability, index = torch.cat(outputs).softmax(-1).max(-1)
    prediction = [task.labels[i] for i in index.tolist()]
    return pd.DataFrame({"gold": examples["label"], "prediction": prediction, "score": probability.tolist()})


def shuffle(examples: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same texts with the labels of other rows."""
    return examples.assign(label=permute(examples["label"].tolist(), seed))
