"""One label for each token: parts of speech, syntactic token tags, BIO roles.

The label is that of a token's first sub-token (Devlin et al. 2019, section 5.3). A row longer than ``max_length`` is
split into several sequences, never cut.
"""

from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.base import (
    IGNORE,
    PLAIN,
    Batch,
    Feature,
    Task,
    collate_sequences,
    init_like_transformers,
    pad_labels,
    permutation,
    special_tokens,
    token_ids,
)
from codestilts.tasktypes.records import Changed, Records
from codestilts.tasktypes.token_states import token_states

UNKNOWN = -1  # a tag that the train split lacks, where the set of tags is open: not trained on, always wrong


class TaggingFeature(Feature):
    """Whole tokens of a row: ``labels`` has one entry per sub-token, ``example`` is the row's position."""

    labels: np.ndarray
    example: int


def encode(examples: pd.DataFrame, tokenizer: Any, task: Task) -> list[TaggingFeature]:
    """Encode each row as one or several features of whole tokens, each of at most ``max_length`` sub-tokens."""
    label_ids = {label: number for number, label in enumerate(task.labels)}
    before, after = special_tokens(tokenizer)
    room = task.max_length - len(before) - len(after)
    features: list[TaggingFeature] = []
    for example, (row, tokens, tags) in enumerate(
        zip(examples["id"], examples["tokens"], examples["tags"], strict=True)
    ):
        if len(tokens) != len(tags):
            raise CodeStiltsError(f"task {task.name}, example {row}: {len(tokens)} tokens but {len(tags)} tags")
        for tag in set(tags) - label_ids.keys() if not task.open_labels else ():
            task.label_index(tag, row)
        # A token the tokenizer has no piece for (a lone control character) still needs a position for its label.
        pieces = [part[:room] or [tokenizer.unk_token_id] for part in tokenizer(list(tokens), **PLAIN)["input_ids"]]
        for start, stop in _windows(pieces, room):
            body: list[int] = []
            labels: list[int] = []
            for part, tag in zip(pieces[start:stop], tags[start:stop], strict=True):
                body += part
                labels += [label_ids.get(tag, UNKNOWN)] + [IGNORE] * (len(part) - 1)
            ids = before + body + after
            features.append(
                {
                    "sequences": [token_ids({"input_ids": [ids]})],
                    "tokens": len(ids),
                    "labels": np.array([IGNORE] * len(before) + labels + [IGNORE] * len(after), dtype=np.int32),
                    "example": example,
                }
            )
    return features


def _windows(pieces: list[list[int]], room: int) -> list[tuple[int, int]]:
    """Group consecutive tokens whose sub-tokens fit ``room``; a longer token gets a window of its own."""
    bounds, start, used = [], 0, 0
    for position, part in enumerate(pieces):
        if used and used + len(part) > room:
            bounds.append((start, position))
            start, used = position, 0
        used += len(part)
    if pieces:
        bounds.append((start, len(pieces)))
    return bounds


def collate(features: list[TaggingFeature], tokenizer: Any, rng: Any = None) -> Batch:
    """Batch the sequences with ``labels`` of shape [sequences, tokens]."""
    batch = collate_sequences(features, tokenizer.pad_token_id)
    batch["labels"] = pad_labels([feature["labels"] for feature in features])
    return batch


class Head(nn.Module):
    """A linear layer over every token: [sequences, tokens, hidden] -> [sequences, tokens, labels].

    The published head has dropout before it (transformers' RobertaForTokenClassification, which XTREME's run_tag.py
    takes; jiant's TokenClassificationHead is the same).
    """

    def __init__(self, task: Task, config: Any, mask_id: int, dropout: float) -> None:
        super().__init__()
        self.classifier = nn.Linear(config.hidden_size, len(task.labels))
        self.dropout = nn.Dropout(dropout if task.head == "published" else 0.0)
        if task.head == "published":
            init_like_transformers(self, config)

    def forward(self, encoder: nn.Module, batch: Batch) -> Tensor:
        states = token_states(encoder, batch)
        return states.padded(self.classifier(self.dropout(states.last)))

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross entropy, averaged over the labelled tokens."""
        labels = batch["labels"].flatten()
        return F.cross_entropy(outputs.flatten(0, 1), labels.where(labels != UNKNOWN, IGNORE), ignore_index=IGNORE)


def decode(
    outputs: list[Tensor], features: list[TaggingFeature], examples: pd.DataFrame, task: Task, tokenizer: Any = None
) -> pd.DataFrame:
    """Predict the tags of each example, joined by spaces in token order; ``score`` is their mean probability."""
    tags: list[list[str]] = [[] for _ in range(len(examples))]
    scores: list[list[float]] = [[] for _ in range(len(examples))]
    rows = (row for batch in outputs for row in batch)
    for feature, row in zip(features, rows, strict=True):
        positions = np.flatnonzero(feature["labels"] != IGNORE)
        probability, index = row[positions].softmax(-1).max(-1)
        tags[feature["example"]] += [task.labels[i] for i in index.tolist()]
        scores[feature["example"]] += probability.tolist()
    return pd.DataFrame(
        {
            "gold": [" ".join(row) for row in examples["tags"]],
            "prediction": [" ".join(row) for row in tags],
            "score": [sum(row) / max(len(row), 1) for row in scores],
        },
        index=examples.index,
    )


def shuffle(features: Records[TaggingFeature], seed: int, tokenizer: Any, task: Task) -> Records[TaggingFeature]:
    """Deal out the tags of all rows at random over the same tokens."""
    labels = [feature["labels"] for feature in features]
    flat = np.concatenate(labels)
    tagged = np.flatnonzero(flat != IGNORE)
    flat[tagged] = flat[tagged][permutation(len(tagged), seed)]
    dealt = np.split(flat, np.cumsum([len(row) for row in labels])[:-1])
    return Changed(features, lambda index: {"labels": dealt[index]})
