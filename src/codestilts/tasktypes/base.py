"""What the task types share: the task, features, padding and pooling."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from codestilts.columns import MASK
from codestilts.config.training_settings import MAX_LENGTH, EncodingSettings, Head, TaskOptions, TaskSettings
from codestilts.errors import CodeStiltsError

IGNORE = -100  # the label that torch's cross entropy leaves out
# Texts that are tokenised at once: 10 to 10,000 are equally fast (measured), fewer take less memory.
TEXTS_PER_CALL = 1000
# What a tokenizer returns of a part of a sequence: its tokens only.
PLAIN = {"add_special_tokens": False, "return_attention_mask": False, "return_token_type_ids": False}


class TokenIds(TypedDict):
    """The encoder's inputs for one sequence, without padding."""

    input_ids: np.ndarray
    token_type_ids: NotRequired[np.ndarray]


class Feature(TypedDict):
    """An encoded example, or a part of one; task types add labels. ``tokens`` counts those of all sequences."""

    sequences: list[TokenIds]
    tokens: int


Batch = dict[str, Tensor]
# These tensors of a batch have one row per example, all others one row per sequence. ``sequences`` is the number of
# sequences of each example, ``lengths`` the number of tokens of each sequence. Both stay on the CPU, which divides the
# batch by them.
SEQUENCES = "sequences"
LENGTHS = "lengths"
ON_CPU = frozenset({SEQUENCES, LENGTHS})
PER_EXAMPLE = frozenset({SEQUENCES, "label", "label_set", "cluster"})


@dataclass(frozen=True)
class Task:
    """A task as encoding, training and prediction use it."""

    name: str
    type: str
    metric: str
    labels: tuple[str, ...] = ()
    max_length: int = MAX_LENGTH
    options: TaskOptions = field(default_factory=TaskOptions)
    open_labels: bool = False
    head: Head = "quick"
    layers: tuple[int, ...] = ()  # blocks whose states a retrieval head returns; empty: the block of ``options.layer``

    @classmethod
    def from_settings(
        cls,
        name: str,
        settings: TaskSettings | EncodingSettings,
        examples: pd.DataFrame | None = None,
        labels: Sequence[str] = (),
    ) -> "Task":
        """Make a task from a job's settings.

        A tagging task that declares no labels gets ``labels`` or else those of the train split of its ``examples``.
        """
        open_labels = settings.type == "tagging" and not settings.labels
        if open_labels and not labels and examples is not None:
            labels = sorted({tag for row in examples.loc[examples["split"] == "train", "tags"] for tag in row})
        metric, head = (settings.metric, settings.head) if isinstance(settings, TaskSettings) else ("", "quick")
        return cls(
            name=name,
            type=settings.type,
            metric=metric,
            labels=settings.labels or tuple(labels),
            max_length=settings.max_length,
            options=settings.options,
            open_labels=open_labels,
            head=head,
        )

    def label_index(self, label: str, row: str) -> int:
        """Return the index of ``label``; raise :class:`CodeStiltsError` if it is not declared."""
        try:
            return self.labels.index(label)
        except ValueError:
            raise CodeStiltsError(
                f"task {self.name}, example {row}: label {label!r} is not declared; allowed: {', '.join(self.labels)}"
            ) from None


def replace_mask(text: str, tokenizer: Any) -> str:
    """Put the encoder's mask token where the text says ``[MASK]``."""
    return text if tokenizer.mask_token in (None, MASK) else text.replace(MASK, tokenizer.mask_token)


def token_ids(encoding: Any, index: int = 0) -> TokenIds:
    """Return the inputs of one encoded text as arrays: lists take ten times the memory, and sets have millions."""
    ids: TokenIds = {"input_ids": np.array(encoding["input_ids"][index], dtype=np.int32)}
    if "token_type_ids" in encoding:
        ids["token_type_ids"] = np.array(encoding["token_type_ids"][index], dtype=np.int32)
    return ids


def count_tokens(sequences: Sequence[TokenIds]) -> int:
    """Count the tokens of all sequences."""
    return sum(len(sequence["input_ids"]) for sequence in sequences)


def encode_texts(tokenizer: Any, first: list[str], second: list[str] | None, max_length: int) -> list[TokenIds]:
    """Tokenise texts or text pairs, cut to ``max_length`` tokens (the longer text of a pair is cut first)."""
    sequences: list[TokenIds] = []
    for start in range(0, len(first), TEXTS_PER_CALL):
        chunk = slice(start, start + TEXTS_PER_CALL)
        texts = [replace_mask(text, tokenizer) for text in first[chunk]]
        pairs = [replace_mask(text, tokenizer) for text in second[chunk]] if second else None
        encoding = tokenizer(texts, pairs, truncation="longest_first", max_length=max_length)
        sequences += [token_ids(encoding, index) for index in range(len(texts))]
    return sequences


def special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Return the tokens before and after a single text, such as ``[CLS]`` and ``[SEP]``."""
    ids = tokenizer(tokenizer.unk_token)["input_ids"]
    position = ids.index(tokenizer.unk_token_id)
    return ids[:position], ids[position + 1 :]


def collate_sequences(features: Sequence[Feature], pad_id: int) -> Batch:
    """Pad the sequences of all features to the longest of them, those of a feature side by side.

    Returns:
        ``input_ids``, ``attention_mask`` and, where the encoder has them, ``token_type_ids``, of shape
        [sequences, tokens]; ``lengths``, the tokens of each sequence; and ``sequences``, those of each feature.
    """
    items = [item for feature in features for item in feature["sequences"]]
    lengths = np.array([len(item["input_ids"]) for item in items])
    real = np.arange(max(1, lengths.max())) < lengths[:, None]  # an empty text may have no token at all
    arrays = {"attention_mask": real.astype(np.int64)}
    for name in items[0]:
        arrays[name] = np.full(real.shape, pad_id if name == "input_ids" else 0, dtype=np.int64)
        arrays[name][real] = np.concatenate([item[name] for item in items])  # type: ignore[literal-required]
    batch = {name: torch.from_numpy(values) for name, values in arrays.items()}
    batch[LENGTHS] = torch.from_numpy(lengths)
    batch[SEQUENCES] = torch.tensor([len(feature["sequences"]) for feature in features])
    return batch


def move_batch(batch: Batch, device: torch.device) -> Batch:
    """Move a batch to a device, without waiting for it; what the CPU reads (:data:`ON_CPU`) stays."""
    return {name: values if name in ON_CPU else values.to(device, non_blocking=True) for name, values in batch.items()}


def pin_batch(batch: Batch) -> Batch:
    """Put a batch into pinned memory, from which a GPU copies asynchronously."""
    return {name: values if name in ON_CPU else values.pin_memory() for name, values in batch.items()}


def pad_labels(labels: Sequence[Sequence[int] | np.ndarray]) -> Tensor:
    """Pad label sequences with :data:`IGNORE` to shape [sequences, tokens]."""
    lengths = np.array([len(row) for row in labels])
    real = np.arange(lengths.max()) < lengths[:, None]
    padded = np.full(real.shape, IGNORE, dtype=np.int64)
    padded[real] = np.concatenate([np.asarray(row, dtype=np.int64) for row in labels])
    return torch.from_numpy(padded)


def encoder_inputs(batch: Batch) -> Batch:
    """Select the tensors that the encoder takes."""
    return {name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in batch}


def init_like_transformers(head: nn.Module, config: Any) -> None:
    """Draw the weights of a head's linear layers as transformers does: normal, biases 0."""
    for layer in head.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=getattr(config, "initializer_range", 0.02))
            nn.init.zeros_(layer.bias)


def permutation(size: int, seed: int) -> np.ndarray:
    """Return the numbers below ``size`` in random order: the row whose label each row of a shuffled control gets."""
    return np.random.default_rng(seed).permutation(size)


def wrong_labels(labels: np.ndarray, classes: int, share: float, seed: int) -> np.ndarray:
    """Give a share of the rows another label, equally many of each label.

    The rows of a label are distributed evenly over the other labels, so each label keeps its number of rows.

    Args:
        labels: the label of each row, below ``classes``.
        classes: number of labels.
        share: share of the rows that get another label.
        seed: of the rows that are drawn.

    Raises:
        CodeStiltsError: a label has fewer rows than would get another label.
    """
    each, counts = round(share * len(labels) / classes), np.bincount(labels, minlength=classes)
    if each > counts.min():
        raise CodeStiltsError(
            f"flip_labels: {each} rows of each label would get a wrong one, but one label has {counts.min()} rows: "
            f"lower the share ({share}) to at most {classes * counts.min() / len(labels):.2f}"
        )
    rng, changed = np.random.default_rng(seed), labels.copy()
    shift = 1 + np.arange(each) % (classes - 1)
    for label in range(classes):
        rows = rng.permutation(np.flatnonzero(labels == label))[:each]
        changed[rows] = (label + shift) % classes
    return changed
