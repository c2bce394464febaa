"""One label for a text or a pair of texts: NLI, paraphrase, defect detection, cloze over a closed set.

Pairs are read together (``pairs: cross``, the default, as BERT does) or apart (``pairs: dual``): then the label is read
off the cosine of the two texts alone, the first declared label being that of similar texts.
"""

from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.tasktypes.base import Batch, Feature, Task, encode_texts, pad, permute, pooled_states

SHARPNESS = 20.0  # the inverse of the temperature that retrieval trains with


def encode(examples: pd.DataFrame, tokenizer: Any, task: Task) -> list[Feature]:
    """One feature a row; ``tokens`` counts what the encoder reads."""
    first, second = examples["text_a"].tolist(), examples["text_b"].tolist()
    labels = [task.label_index(*pair) for pair in zip(examples["label"], examples["id"], strict=True)]
    if task.options.get("pairs") == "dual":
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
    batch["label"] = torch.tensor([feature["label"] for feature in features])
    return batch


class Head(nn.Module):
    """Scores of the labels, shape [examples, labels]: a linear layer over pooled states, or over a cosine."""

    def __init__(self, task: Task, hidden: int, mask_id: int) -> None:
        super().__init__()
        self.dual, self.mask_id = task.options.get("pairs") == "dual", mask_id
        self.classifier = nn.Linear(1 if self.dual else hidden, len(task.labels))
        if self.dual:
            nn.init.constant_(self.classifier.weight, -0.5)
            nn.init.constant_(self.classifier.weight[0], 0.5)
            nn.init.zeros_(self.classifier.bias)
            self.threshold = nn.Parameter(torch.tensor(0.5))

    def forward(self, encoder: nn.Module, batch: Batch) -> Tensor:
        if not self.dual:
            return self.classifier(pooled_states(encoder, batch, mask_id=self.mask_id))
        pooled = pooled_states(encoder, batch)
        similarity = F.cosine_similarity(pooled[0::2], pooled[1::2])
        return self.classifier(((similarity - self.threshold) * SHARPNESS).unsqueeze(-1))

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross entropy, mean over the examples."""
        return F.cross_entropy(outputs, batch["label"])


def decode(outputs: list[Tensor], features: list[Feature], examples: pd.DataFrame, task: Task) -> pd.DataFrame:
    """The most probable label of each example; ``score`` is its probability."""
    probability, index = torch.cat(outputs).softmax(-1).max(-1)
    prediction = [task.labels[i] for i in index.tolist()]
    return pd.DataFrame({"gold": examples["label"], "prediction": prediction, "score": probability.tolist()})


def shuffle(examples: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same texts with the labels of other rows."""
    return examples.assign(label=permute(examples["label"].tolist(), seed))
