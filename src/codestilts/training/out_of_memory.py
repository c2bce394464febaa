"""When a batch does not fit the memory of a GPU: how that is noticed, and how it is tried without a GPU."""

import gc
import os
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from codestilts.tasktypes.base import Batch
from codestilts.training.devices import PRETEND

PRETEND_SEQUENCES = "CODESTILTS_PRETEND_GPU_SEQUENCES"  # a pretended GPU holds so many at a time
SIGNS = ("out of memory", "alloc_failed")  # in the message of an accelerator, or of one of its libraries

T = TypeVar("T")


def unless_out_of_memory(compute: Callable[[], T]) -> T | None:
    """What ``compute`` returns (never None), or None if a GPU's memory is too small for it; then that is free again."""
    try:
        return compute()
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and not any(sign in str(error).lower() for sign in SIGNS):
            raise
    # The exception held what was computed so far: only here, after it, can that be freed.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def forward(head: nn.Module, encoder: nn.Module, batch: Batch) -> Tensor:
    """The head's outputs for a batch."""
    room = os.environ.get(PRETEND_SEQUENCES) if os.environ.get(PRETEND) else None
    if room and len(batch["input_ids"]) > int(room):
        raise torch.OutOfMemoryError(f"pretended: {len(batch['input_ids'])} sequences, out of memory for {room}")
    return head(encoder, batch)
