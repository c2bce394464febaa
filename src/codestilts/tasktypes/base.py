"""What the task types share: the task's settings, features, padding and pooling."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from codestilts.columns import MASK
from codestilts.errors import CodeStiltsError

IGNORE = -100  # the label that torch's cross entropy leaves out

PARTS = 4  # groups of sequences of like length that a batch is encoded in

TEXTS = 1000  # that are tokenised at once


Feature = dict[str, Any]
Batch = dict[str, Tensor]
Heads = Literal["published", "quick"]


@dataclass(frozen=True)
class Task:
    """The part of a task file that encoding, training and predicting use."""

    name: str
    type: str
    metric: str
    labels: tuple[str, ...] = ()
    max_length: int = 128
    options: dict[str, Any] = field(default_factory=dict)
    open_labels: bool = False
    head: Heads = "quick"

    @classmethod
    def from_settings(cls, name: str, settings: dict[str, Any], examples: pd.DataFrame | None = None) -> "Task":
        """Build from the resolved settings of a job; keys that only other stages use are ignored.

        A tagging task that declares no labels has those of the train split of its ``examples``.
        """
        labels = tuple(settings.get("labels") or ())
        is_open = settings["type"] == "tagging" and not labels
        if is_open and examples is not None:
            labels = tuple(sorted({tag for row in examples.loc[examples["split"] == "train", "tags"] for tag in row}))
        return cls(
            name=name,
            type=settings["type"],
            metric=settings["metric"],
            labels=labels,
            open_labels=is_open,
            max_length=settings.get("max_length", cls.max_length),
            options=dict(settings.get("options") or {}),
            head=settings.get("head", cls.head),
        )

    def label_index(self, label: str, row: str) -> int:
        """Index of ``label`` in the declared set; an undeclared one is an error that names the row."""
        try:
            return self.labels.index(label)
        except ValueError:
            raise CodeStiltsError(
                f"task {self.name}, example {row}: label {label!r} is not declared; allowed: {', '.join(self.labels)}"
            ) from None


def mask_token(text: str, tokenizer: Any) -> str:
    """Put the encoder's mask token where the text says ``[MASK]``."""
    return text if tokenizer.mask_token in (None, MASK) else text.replace(MASK, tokenizer.mask_token)


def sequence(encoding: Any, index: int = 0) -> Feature:
    """The model inputs of one encoded text, as arrays: a list takes ten times the memory, and sets have millions."""
    names = ("input_ids", "token_type_ids")
    return {name: np.array(encoding[name][index], dtype=np.int32) for name in names if name in encoding}


def encode_texts(tokenizer: Any, first: list[str], second: list[str] | None, max_length: int) -> list[Feature]:
    """Tokenise texts or text pairs, cut to ``max_length`` tokens (the longer text of a pair is cut first)."""
    features: list[Feature] = []
    for start in range(0, len(first), TEXTS):
        texts, others = (
            side and [mask_token(text, tokenizer) for text in side[start : start + TEXTS]] for side in (first, second)
        )
        encoding = tokenizer(texts, others, truncation="longest_first", max_length=max_length)
        features += [sequence(encoding, index) for index in range(len(texts or []))]
    return features


def special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """What the tokenizer puts before and after a single text, e.g. ``[CLS]`` and ``[SEP]``."""
    ids = tokenizer(tokenizer.unk_token)["input_ids"]
    place = ids.index(tokenizer.unk_token_id)
    return ids[:place], ids[place + 1 :]


def pad(sequences: list[Feature], pad_id: int) -> Batch:
    """Pad to the longest: tensors of shape [sequences, tokens], with ``attention_mask``."""
    length = max(len(item["input_ids"]) for item in sequences)
    batch: dict[str, np.ndarray] = {"attention_mask": np.zeros((len(sequences), length), dtype=np.int64)}
    for name in sequences[0]:
        batch[name] = np.full((len(sequences), length), pad_id if name == "input_ids" else 0, dtype=np.int64)
    for row, item in enumerate(sequences):
        for name, values in item.items():
            batch[name][row, : len(values)] = values
        batch["attention_mask"][row, : len(item["input_ids"])] = 1
    return {name: torch.from_numpy(values) for name, values in batch.items()}


def pad_labels(labels: list[list[int]]) -> Tensor:
    """Pad label sequences with :data:`IGNORE` to shape [sequences, tokens]."""
    length = max(map(len, labels))
    return torch.tensor([row + [IGNORE] * (length - len(row)) for row in labels])


def inputs(batch: Batch) -> Batch:
    """Only what the encoder takes."""
    return {name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in batch}


def hidden_states(encoder: nn.Module, batch: Batch, layers: Sequence[int] = (-1,)) -> list[Tensor]:
    """Outputs of transformer blocks, each of shape [sequences, tokens, hidden]; -1 is the last, 0 the embeddings."""
    if tuple(layers) == (-1,):
        return [encoder(**inputs(batch)).last_hidden_state]
    states = encoder(**inputs(batch), output_hidden_states=True).hidden_states
    return [states[layer] for layer in layers]


def mean_pool(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """Mean over the real tokens: [sequences, tokens, hidden] -> [sequences, hidden]."""
    weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1)


def pool_for_label(hidden: Tensor, batch: Batch, mask_id: int) -> Tensor:
    """The state at the mask token where a text has one (cloze), else the mean over its tokens.

    Shape [sequences, tokens, hidden] -> [sequences, hidden]. Only the first mask of a text counts.
    """
    is_mask = (batch["input_ids"] == mask_id).to(hidden.dtype)
    first = is_mask * (is_mask.cumsum(1) == 1)
    at_mask = (hidden * first.unsqueeze(-1)).sum(1)
    return torch.where(first.any(1, keepdim=True), at_mask, mean_pool(hidden, batch["attention_mask"]))


def pooled_states(
    encoder: nn.Module, batch: Batch, layers: Sequence[int] = (-1,), mask_id: int | None = None, first: bool = False
) -> Tensor:
    """One state a sequence: its mean, with ``mask_id`` as :func:`pool_for_label` has it, or that of its first token.

    Shape [sequences, hidden], or [sequences, layers, hidden] where several blocks are asked for.

    Sequences of like length are encoded together and cut to the longest among them: a description is much shorter
    than the function that it describes, and padding to the longest of all was more than a third of what was computed.
    """
    lengths = batch["attention_mask"].sum(1)
    order = lengths.argsort(stable=True)
    states = []
    for rows in order.chunk(PARTS):
        width = max(1, int(lengths[rows[-1]]))  # an empty text may have no token at all
        part = {name: values[rows, :width] for name, values in inputs(batch).items()}
        pooled = [
            hidden[:, 0]
            if first
            else mean_pool(hidden, part["attention_mask"])
            if mask_id is None
            else pool_for_label(hidden, part, mask_id)
            for hidden in hidden_states(encoder, part, layers)
        ]
        states.append(pooled[0] if len(pooled) == 1 else torch.stack(pooled, 1))
    return torch.cat(states)[order.argsort()]


def as_published(head: nn.Module, config: Any) -> None:
    """Draw the weights of a head's linear layers as transformers does: normal, biases 0."""
    for layer in head.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=getattr(config, "initializer_range", 0.02))
            nn.init.zeros_(layer.bias)


def permute(values: list[Any], seed: int) -> list[Any]:
    """The values in another order: the label-shuffled control."""
    order = np.random.default_rng(seed).permutation(len(values))
    return [values[index] for index in order]
