"""One label for a text or a pair of texts: NLI, paraphrase, defect detection, cloze over a closed set.

The texts of a pair are encoded together (option ``pairs: cross``, the default, as in BERT) or separately (``dual``,
``product``); then the label follows from the two texts' states. With option ``multi`` an example has any number of
labels, joined by ``|``, each of which is a binary decision (xCodeEval's tags, Khan et al. 2023).

Published heads, all over the state of a text's first token:

``cross``       dropout, dense, tanh, dropout, linear: transformers' RobertaForSequenceClassification, which XTREME
                (run_classify.py) and CodeXGLUE's Defect-detection (with one score in place of two) take. jiant's
                ClassificationHead is the same on top of the encoder's pooler, one more dense layer and tanh.
``dual``        the same over both states side by side: CodeXGLUE's Clone-detection-BigCloneBench (model.py)
``product``     each state after a dense layer and tanh; then dense, tanh, linear over both, their
                difference and their product: CodeXGLUE's NL-code-search-WebQuery (models.py)

The quick head is a linear layer over the state of the mask token, or over the mean where there is none. For separate
texts it is a linear layer over the cosine of the two means; the first declared label is that of similar texts.
"""

from typing import Any, Literal, NotRequired

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.columns import LABEL_SEPARATOR
from codestilts.tasktypes.base import (
    IGNORE,
    Batch,
    Feature,
    Task,
    TokenIds,
    collate_sequences,
    count_tokens,
    encode_texts,
    init_like_transformers,
    pad_labels,
    permutation,
    wrong_labels,
)
from codestilts.tasktypes.records import Changed, Records
from codestilts.tasktypes.token_states import pooled_states

SHARPNESS = 20.0  # the inverse of retrieval's temperature (1 / 0.05)


class ClassificationFeature(Feature):
    """An example with the index of its label, or with option ``multi`` those of its labels."""

    label: NotRequired[int]
    label_set: NotRequired[np.ndarray]


def is_dual(task: Task) -> bool:
    """Whether the texts of a pair are encoded separately."""
    return task.options.pairs != "cross"


def encode(examples: pd.DataFrame, tokenizer: Any, task: Task) -> list[ClassificationFeature]:
    """Encode each row as one feature."""
    first, second = examples["text_a"].tolist(), examples["text_b"].tolist()
    if is_dual(task):
        sides = [encode_texts(tokenizer, side, None, task.max_length) for side in (first, second)]
        rows = [list(pair) for pair in zip(*sides, strict=True)]
    else:
        rows = [[item] for item in _encode_together(tokenizer, first, second, task.max_length)]
    features = []
    for sequences, label, row in zip(rows, examples["label"], examples["id"], strict=True):
        feature: ClassificationFeature = {"sequences": sequences, "tokens": count_tokens(sequences)}
        if task.options.multi:
            parts = [task.label_index(part, row) for part in label.split(LABEL_SEPARATOR)]
            feature["label_set"] = np.array(parts, dtype=np.int32)
        else:
            feature["label"] = task.label_index(label, row)
        features.append(feature)
    return features


def _encode_together(tokenizer: Any, first: list[str], second: list[str], max_length: int) -> list[TokenIds]:
    """Encode each text with its second one, or alone if that is empty, whatever other rows have."""
    if not any(second):
        return encode_texts(tokenizer, first, None, max_length)
    if all(second):
        return encode_texts(tokenizer, first, second, max_length)
    rows = zip(first, second, strict=True)
    return [encode_texts(tokenizer, [a], [b] if b else None, max_length)[0] for a, b in rows]


def collate(features: list[ClassificationFeature], tokenizer: Any, rng: Any = None) -> Batch:
    """Batch the features with ``label``, or ``label_set`` of shape [examples, most labels]."""
    batch = collate_sequences(features, tokenizer.pad_token_id)
    if "label_set" in features[0]:
        batch["label_set"] = pad_labels([feature["label_set"] for feature in features])
    else:
        batch["label"] = torch.tensor([feature["label"] for feature in features])
    return batch


class PublishedHead(nn.Module):
    """Scores of the labels from the first tokens' states: [sequences, hidden] -> [examples, labels]."""

    def __init__(self, task: Task, config: Any, dropout: float) -> None:
        super().__init__()
        self.dual, self.product = is_dual(task), task.options.pairs == "product"
        width = config.hidden_size
        self.pooler = nn.Sequential(nn.Linear(width, width), nn.Tanh()) if self.product else nn.Identity()
        self.dropout = nn.Dropout(0.0 if self.product else dropout)
        self.dense = nn.Linear(width * (4 if self.product else 2 if self.dual else 1), width)
        self.out_proj = nn.Linear(width, len(task.labels))
        init_like_transformers(self, config)

    def forward(self, states: Tensor) -> Tensor:
        states = self.pooler(states)
        if self.dual:
            left, right = states[0::2], states[1::2]
            interactions = [left - right, left * right] if self.product else []
            states = torch.cat([left, right, *interactions], dim=1)
        return self.out_proj(self.dropout(torch.tanh(self.dense(self.dropout(states)))))


class Head(nn.Module):
    """Scores of the labels, shape [examples, labels]; the module's docstring lists the heads."""

    def __init__(self, task: Task, config: Any, mask_id: int, dropout: float) -> None:
        super().__init__()
        self.dual, self.mask_id = is_dual(task), mask_id
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
        """Cross entropy, averaged over the examples; with several labels binary, averaged over examples and labels."""
        if "label" in batch:
            return F.cross_entropy(outputs, batch["label"])
        labels = batch["label_set"]
        gold = F.one_hot(labels.clamp(min=0), outputs.shape[1]) * (labels != IGNORE).unsqueeze(-1)
        return F.binary_cross_entropy_with_logits(outputs, gold.amax(1).to(outputs.dtype))


def decode(
    outputs: list[Tensor],
    features: list[ClassificationFeature],
    examples: pd.DataFrame,
    task: Task,
    tokenizer: Any = None,
) -> pd.DataFrame:
    """Predict the most probable label, or every label above 1/2; ``score`` is the highest probability."""
    logits = torch.cat(outputs)
    if task.options.multi:
        probabilities = logits.sigmoid()
        label_sets = [[task.labels[i] for i in row.nonzero().flatten().tolist()] for row in probabilities > 0.5]
        prediction = [LABEL_SEPARATOR.join(sorted(labels)) for labels in label_sets]
        score = probabilities.amax(1)
    else:
        score, index = logits.softmax(-1).max(-1)
        prediction = [task.labels[i] for i in index.tolist()]
    return pd.DataFrame({"gold": examples["label"], "prediction": prediction, "score": score.tolist()})


def shuffle(
    features: Records[ClassificationFeature], seed: int, tokenizer: Any, task: Task
) -> Records[ClassificationFeature]:
    """Give each row the label of another row."""
    order = permutation(len(features), seed)
    field: Literal["label_set", "label"] = "label_set" if task.options.multi else "label"
    return Changed(features, lambda index: {field: features[int(order[index])][field]})


def flip(
    features: Records[ClassificationFeature], share: float, seed: int, task: Task
) -> Records[ClassificationFeature]:
    """Give a share of the rows a wrong label (:func:`codestilts.tasktypes.base.wrong_labels`)."""
    labels = np.array([feature["label"] for feature in features])
    changed = wrong_labels(labels, len(task.labels), share, seed)
    return Changed(features, lambda index: {"label": int(changed[index])})
