"""States of an encoder with the labels that a linear model explains by them (:mod:`codestilts.evaluation.logme`).

What is explained follows the task's head:

classification   the label, from the mean over the tokens or the state of the mask
multiple_choice  for each choice whether it is right, from the mean over context and choice
tagging          the tag of each token, from the state of its first sub-token
span_qa          for each token where an answer may start whether it does, from its state
separate texts   (retrieval, pairs) whether two texts belong together, from the product of their unit vectors, whose sum
                 is their cosine. In retrieval each query is paired with its own document and with another row's.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.tasktypes.base import IGNORE, SEQUENCES, Batch, Task
from codestilts.tasktypes.classification import is_dual
from codestilts.tasktypes.tagging import UNKNOWN
from codestilts.tasktypes.token_states import pooled_states, token_states
from codestilts.training.models import TaskModel
from codestilts.training.prediction import compute_outputs

BY_TOKEN = ("tagging", "span_qa")


class Sequences(nn.Module):
    """The mean state of each sequence or, with ``mask_id``, that of its mask: [examples, most sequences, hidden]."""

    def __init__(self, mask_id: int | None = None) -> None:
        super().__init__()
        self.mask_id = mask_id

    def forward(self, encoder: nn.Module, batch: Batch) -> Tensor:
        pooled = pooled_states(encoder, batch, mask_id=self.mask_id)
        return nn.utils.rnn.pad_sequence(list(pooled.split(batch[SEQUENCES].tolist())), batch_first=True)


class Tokens(nn.Module):
    """The state of each token: [sequences, tokens, hidden]."""

    def forward(self, encoder: nn.Module, batch: Batch) -> Tensor:
        found = token_states(encoder, batch)
        return found.padded(found.last)


def sequence_states(model: TaskModel, features: Sequence[Any]) -> list[Tensor]:
    """Return the states of the sequences of each feature, as the model's head reads them: [sequences, hidden]."""
    outputs = compute_outputs(model, features)
    return [output[0, : len(feature["sequences"])] for output, feature in zip(outputs, features, strict=True)]


def labelled_states(
    encoder: nn.Module, task: Task, tokenizer: Any, features: Sequence[Any], precision: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return states, one per row, and their labels: 1 in the column of a row's label, 0 in the others."""
    if task.type in BY_TOKEN:
        outputs = compute_outputs(TaskModel(encoder, Tokens(), task, tokenizer, precision), features)
        found = [_of_tokens(task, feature, output[0]) for feature, output in zip(features, outputs, strict=True)]
        vectors, numbers = torch.cat([part for part, _ in found]), np.concatenate([part for _, part in found])
        return vectors.numpy(), _one_hot(numbers, len(task.labels) if task.type == "tagging" else 2)
    separate = task.type in ("retrieval", "multiple_choice") or is_dual(task)
    head = Sequences(None if separate else tokenizer.mask_token_id)
    states = sequence_states(TaskModel(encoder, head, task, tokenizer, precision), features)
    if task.type == "multiple_choice":
        right = [np.arange(len(part)) == feature["label"] for part, feature in zip(states, features, strict=True)]
        return torch.cat(states).numpy(), _one_hot(np.concatenate(right), 2)
    if task.type == "retrieval":
        return _retrieval(torch.stack(states), np.array([feature["cluster"] for feature in features]))
    vectors = torch.stack(states)
    vectors = _product(vectors[:, 0], vectors[:, 1]) if is_dual(task) else vectors[:, 0]
    return vectors.numpy(), np.stack([_label(feature, len(task.labels)) for feature in features])


def _of_tokens(task: Task, feature: Any, states: Tensor) -> tuple[Tensor, np.ndarray]:
    """Return the states of a feature's labelled tokens with the numbers of their labels."""
    if task.type == "tagging":
        positions = np.flatnonzero(~np.isin(feature["labels"], (IGNORE, UNKNOWN)))
        return states[positions], feature["labels"][positions]
    positions = feature["starts"]
    if feature["spans"] is not None:
        positions = np.intersect1d(positions, feature["spans"][:, 0])
    return states[positions], (positions == feature["start"]).astype(int)


def _label(feature: Any, labels: int) -> np.ndarray:
    """Return the labels of an example of classification, which may be several."""
    numbers = feature["label_set"] if "label_set" in feature else [feature["label"]]
    return np.isin(np.arange(labels), numbers)


def _retrieval(states: Tensor, clusters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pair each query with its own document and with that of the next row, unless both are near-duplicates."""
    query, document = states[:, 0], states[:, 1]
    other = np.flatnonzero(clusters != np.roll(clusters, -1))
    vectors = torch.cat([_product(query, document), _product(query, document.roll(-1, 0))[other]])
    return vectors.numpy(), _one_hot(np.repeat([1, 0], [len(states), len(other)]), 2)


def _product(left: Tensor, right: Tensor) -> Tensor:
    return F.normalize(left, dim=-1) * F.normalize(right, dim=-1)


def _one_hot(numbers: np.ndarray, labels: int) -> np.ndarray:
    return np.arange(labels) == numbers.astype(int)[:, None]
