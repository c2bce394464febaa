"""Detect that a batch does not fit the memory of a GPU; simulate it on a CPU."""

import gc
import os
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from codestilts.tasktypes.base import Batch
from codestilts.training.devices import PRETEND

PRETEND_SEQUENCES = "CODESTILTS_PRETEND_GPU_SEQUENCES"  # sequences that fit the memory of a pretended GPU
SIGNS = ("out of memory", "alloc_failed")  # in the messages of accelerators and their libraries

T = TypeVar("T")


def unless_out_of_memory(compute: Callable[[], T]) -> T | None:
    """Call ``compute`` and return its result (never None); return None and free memory if a GPU's is too small."""
    try:
        return compute()
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and not any(sign in str(error).lower() for sign in SIGNS):
            raise
    # The exception held what was computed so far, so memory can be freed only after it.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def forward(head: nn.Module, encoder: nn.Module, batch: Batch) -> Tensor:
    """Return the head's outputs for a batch."""
    room = os.environ.get(PRETEND_SEQUENCES) if os.environ.get(PRETEND) else None
    if room and len(batch["input_ids"]) > int(room):
        raise torch.OutOfMemoryError(f"pretended: {len(batch['input_ids'])} sequences, out of memory for {room}")
    return head(encoder, batch)
