"""How the concatenated tokens of a batch are split into sequences, and the sequences into groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from codestilts.tasktypes.base import LENGTHS, Batch

MOST_GROUPS = 4
# What a further group costs in each block, in padded tokens times hidden size: starting its operations takes as long as
# attention over 128 more tokens of a hidden size of 128. Measured with 2 and 6 blocks of 128 and 384, 1,024 tokens.
GROUP_COST = 128 * 128


@dataclass(frozen=True)
class Group:
    """Sequences that attention computes padded to one length; ``bias`` is -inf at padding, None without any."""

    sequences: int
    length: int
    bias: Tensor | None


@dataclass(frozen=True)
class Layout:
    """How the concatenated tokens of a batch are split into sequences.

    Attributes:
        sequence: the sequence of each token.
        in_grid: the position of each token in the padded batch, row by row.
        shape: sequences and tokens of the padded batch.
        starts: the position of each sequence's first token; last, the number of tokens. int32, as kernels take it.
        lengths: the tokens of each sequence, on the CPU.
        groups: of the sequences, for attention on a CPU.
        pad: the token at each position of the padded groups; None if nothing is padded or moved.
        unpad: the position of each token in the padded groups.
    """

    sequence: Tensor
    in_grid: Tensor
    shape: tuple[int, int]
    starts: Tensor
    lengths: np.ndarray
    groups: tuple[Group, ...]
    pad: Tensor | None
    unpad: Tensor | None


def group_sequences(lengths: np.ndarray, hidden: int) -> list[np.ndarray]:
    """Divide sequences into groups of similar length: as many as cost least (:data:`GROUP_COST`), equal in number."""
    order = np.argsort(lengths, kind="stable")
    divided = [
        [rows for rows in np.array_split(order, count) if len(rows)]
        for count in range(1, min(MOST_GROUPS, len(lengths)) + 1)
    ]
    return min(divided, key=lambda groups: _padded_tokens(lengths, groups) + len(groups) * GROUP_COST / hidden)


def _padded_tokens(lengths: np.ndarray, groups: Sequence[np.ndarray]) -> int:
    return sum(len(rows) * int(lengths[rows].max()) for rows in groups)


def layout_of(batch: Batch, hidden: int) -> Layout:
    """Lay out a batch; ``hidden`` is the hidden size of the encoder."""
    lengths, shape, device = batch[LENGTHS].numpy(), tuple(batch["input_ids"].shape), batch["input_ids"].device
    starts = np.concatenate([[0], lengths.cumsum()])
    real = np.arange(shape[1]) < lengths[:, None]
    groups, pad, unpad = _groups(lengths, starts, hidden, device)

    def on_device(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values).to(device, non_blocking=True)

    return Layout(
        sequence=on_device(np.repeat(np.arange(len(lengths)), lengths)),
        in_grid=on_device(np.flatnonzero(real)),
        shape=(shape[0], shape[1]),
        starts=on_device(starts.astype(np.int32)),
        lengths=lengths,
        groups=groups,
        pad=None if pad is None else on_device(pad),
        unpad=None if unpad is None else on_device(unpad),
    )


def _groups(
    lengths: np.ndarray, starts: np.ndarray, hidden: int, device: torch.device
) -> tuple[tuple[Group, ...], np.ndarray | None, np.ndarray | None]:
    """Return the groups of attention with ``pad`` and ``unpad`` of the layout."""
    groups: list[Group] = []
    pad: list[np.ndarray] = []
    unpad = np.empty(starts[-1], dtype=np.int64)
    done = 0
    for rows in group_sequences(lengths, hidden):
        length = max(1, int(lengths[rows].max()))  # an empty text may have no token at all
        position = np.arange(length)
        real = position < lengths[rows][:, None]
        # Padding takes some token's state; its own attention is never read, and nothing attends to it.
        tokens = np.minimum(starts[rows][:, None] + np.where(real, position, 0), starts[-1] - 1)
        unpad[tokens[real]] = done + np.flatnonzero(real)
        pad.append(tokens.ravel())
        bias = None
        if not real.all():
            real[:, 0] = True  # an empty row attends to something, lest its softmax is not a number
            bias = torch.from_numpy(np.where(real, np.float32(0), np.float32("-inf"))[:, None, None])
            bias = bias.to(device)
        groups.append(Group(len(rows), length, bias))
        done += tokens.size
    if len(groups) == 1 and groups[0].bias is None:
        return tuple(groups), None, None
    return tuple(groups), np.concatenate(pad), unpad
