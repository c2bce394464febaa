"""Gradients of one batch, computed in as many micro-batches as the memory of the GPU requires.

The loss of a batch needs the outputs of all its examples (in-batch negatives, means over tokens) but not all their
activations at a time. The outputs of each micro-batch are therefore computed without keeping activations, which are
recomputed in the backward pass (Chen et al. 2016, arXiv 1604.06174). The loss and its gradients are those of the whole
batch, up to rounding, for every task type, also where several GPUs share the examples. Dropout masks depend on the
micro-batches.
"""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from codestilts.errors import CodeStiltsError
from codestilts.seeding import derive_seed
from codestilts.tasktypes.base import PER_EXAMPLE, SEQUENCES, Batch
from codestilts.training.distributed import all_gather, all_reduce_gradients, gather_outputs, rank, world_size
from codestilts.training.models import TaskModel
from codestilts.training.out_of_memory import forward, unless_out_of_memory
from codestilts.training.precision import autocast


@dataclass
class MicroBatching:
    """The number of micro-batches of each GPU's share of a batch, and the steps at which it was doubled."""

    parts: int = 1
    doubled_at: list[int] = field(default_factory=list)

    def double(self, step: int, examples: int, where: str) -> None:
        """Compute half as many of the batch's ``examples`` at a time from this step on.

        Raises:
            CodeStiltsError: it was one example already.
        """
        if self.parts * world_size() >= examples:
            raise CodeStiltsError(
                f"{where}: the memory of the GPU is too small for one example at a time: lower tokens_per_step, or "
                "max_length of the task, give the encoder more gpus, or use a GPU with more memory"
            )
        self.parts *= 2
        self.doubled_at.append(step)
        if rank() == 0:
            print(f"{where}: out of GPU memory, continuing with {self.parts} micro-batches per step", flush=True)


def backward(model: TaskModel, batch: Batch, parts: int, seed: int, scaler: torch.amp.GradScaler) -> Tensor | None:
    """Add the gradients of a batch to ``.grad``.

    Args:
        model: the encoder and the head of the batch's task.
        batch: the whole batch; each process computes its share of the examples.
        parts: the number of micro-batches of a share.
        seed: for dropout and whatever else is random.
        scaler: scales the gradients.

    Returns:
        The loss, on the device; None, and no gradients, if the memory of a GPU is too small for this number of parts.
    """
    torch.manual_seed(derive_seed(seed, rank()) if rank() else seed)
    outputs = gather_outputs(unless_out_of_memory(partial(_share_outputs, model, batch, parts)))
    loss = unless_out_of_memory(partial(_backward_loss, model, batch, outputs, scaler)) if outputs else None
    if True in all_gather(loss is None):
        for module in (model.encoder, model.head):
            module.zero_grad(set_to_none=True)
        return None
    all_reduce_gradients(model.encoder, model.head)
    return loss


def _backward_loss(model: TaskModel, batch: Batch, outputs: list[Tensor], scaler: torch.amp.GradScaler) -> Tensor:
    with autocast(batch["input_ids"].device, model.precision):
        loss = model.head.loss(join(outputs), batch)  # type: ignore[operator]
    if loss.requires_grad:  # a GPU may have no example of a small batch
        scaler.scale(loss).backward()
    return loss.detach()


def _share_outputs(model: TaskModel, batch: Batch, parts: int) -> Tensor:
    """Return the outputs of this process's share of a batch, computed in micro-batches."""
    share = np.array_split(range(len(batch[SEQUENCES])), world_size())[rank()]
    device = batch["input_ids"].device
    if not len(share):
        return torch.empty(0, device=device)
    runs = np.array_split(share, min(parts, len(share)))
    micro_batches = [select_examples(batch, int(run[0]), int(run[-1]) + 1) for run in runs]
    with autocast(device, model.precision):
        if parts == 1:
            return forward(model.head, model.encoder, *micro_batches)
        return join(
            [checkpoint(forward, model.head, model.encoder, part, use_reentrant=False) for part in micro_batches]
        )


def select_examples(batch: Batch, first: int, stop: int) -> Batch:
    """Select the examples from ``first`` up to ``stop`` with all their sequences."""
    bounds = [0, *batch[SEQUENCES].cumsum(0).tolist()]
    examples, sequences = slice(first, stop), slice(bounds[first], bounds[stop])
    return {name: values[examples if name in PER_EXAMPLE else sequences] for name, values in batch.items()}


def join(parts: list[Tensor]) -> Tensor:
    """Concatenate the outputs of all parts; choices are padded with -inf to the width of the whole batch."""
    parts = [part for part in parts if len(part)] or parts[:1]
    width = max(part.shape[1] for part in parts)
    padded = [
        part if part.shape[1] == width else nn.functional.pad(part, (0, width - part.shape[1]), value=float("-inf"))
        for part in parts
    ]
    return torch.cat(padded) if len(padded) > 1 else padded[0]
