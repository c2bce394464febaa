"""The gradients of one batch, in as many micro-batches as the memory of the GPU asks for.

The loss of a batch needs the outputs of all its examples (in-batch negatives, means over tokens) but not all their
activations at a time. So the outputs of each micro-batch are computed without keeping its activations, which are
computed again in the backward pass (Chen et al. 2016, arXiv 1604.06174): the loss and its gradients are those of the
whole batch, up to rounding, for every task type, and also where several GPUs share the examples. Dropout draws other
masks for other micro-batches.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from codestilts.errors import CodeStiltsError
from codestilts.seeding import derive_seed
from codestilts.tasktypes.base import Batch
from codestilts.training import distributed
from codestilts.training.out_of_memory import forward, unless_out_of_memory
from codestilts.training.precision import reduced


@dataclass
class Split:
    """In how many micro-batches each GPU computes its share of a batch, and the steps at which that was doubled."""

    parts: int = 1
    doubled_at: list[int] = field(default_factory=list)

    def double(self, step: int, size: int, where: str) -> None:
        """Compute half as many of the batch's ``size`` examples at a time from this step on.

        Raises :class:`CodeStiltsError` if that was one example already.
        """
        if self.parts * distributed.size() >= size:
            raise CodeStiltsError(
                f"{where}: the memory of the GPU is too small for one example at a time: lower tokens_per_step, or "
                "max_length of the task, give the encoder more gpus, or take a GPU with more memory"
            )
        self.parts *= 2
        self.doubled_at.append(step)
        if not distributed.rank():
            print(f"{where}: out of GPU memory, so {self.parts} micro-batches a step from now on", flush=True)


def backward(
    head: nn.Module,
    encoder: nn.Module,
    batch: Batch,
    size: int,
    parts: int,
    seed: int,
    precision: str,
    scale: torch.amp.GradScaler,
) -> float | None:
    """Add the gradients of a batch of ``size`` examples, times ``scale``, to ``.grad``; returns the loss.

    Where the memory of a GPU is too small for this number of ``parts``, returns None, and there are no gradients.
    Whatever is random, such as dropout, is drawn from ``seed``.
    """
    device = batch["input_ids"].device

    def compute() -> Tensor:
        with reduced(device, precision):
            return _outputs(head, encoder, batch, size, parts)

    def finish(outputs: list[Tensor]) -> float:
        with reduced(device, precision):
            loss = head.loss(join(outputs), batch)  # type: ignore[operator]
        if loss.requires_grad:  # a GPU may have no example of a small batch
            scale.scale(loss).backward()
        return loss.item()

    torch.manual_seed(derive_seed(seed, distributed.rank()) if distributed.rank() else seed)
    outputs = distributed.gathered(unless_out_of_memory(compute))
    loss = unless_out_of_memory(lambda: finish(outputs)) if outputs else None
    if None in distributed.everyone(loss):
        for module in (encoder, head):
            module.zero_grad(set_to_none=True)
        return None
    distributed.add_up(encoder, head)
    return loss


def _outputs(head: nn.Module, encoder: nn.Module, batch: Batch, size: int, parts: int) -> Tensor:
    """The outputs of this GPU's share of a batch, computed in so many parts."""
    share = np.array_split(range(size), distributed.size())[distributed.rank()]
    if not len(share):
        return torch.empty(0, device=batch["input_ids"].device)
    runs = np.array_split(share, min(parts, len(share)))
    own = [_rows(batch, size, int(run[0]), int(run[-1]) + 1) for run in runs]
    if parts == 1:
        return forward(head, encoder, *own)
    return join([checkpoint(forward, head, encoder, part, use_reentrant=False) for part in own])


def _rows(batch: Batch, size: int, first: int, last: int) -> Batch:
    """The examples from ``first`` up to ``last`` of a batch of ``size``, each of which has one or several sequences."""
    sequences = batch["choices"] if "choices" in batch else torch.full((size,), len(batch["input_ids"]) // size)
    ends = [0, *sequences.cumsum(0).tolist()]
    return {
        name: values[first:last] if len(values) == size else values[ends[first] : ends[last]]
        for name, values in batch.items()
    }


def join(parts: list[Tensor]) -> Tensor:
    """The outputs of all parts; choices are padded with -inf, as a whole batch has them."""
    parts = [part for part in parts if len(part)] or parts[:1]
    width = max(part.shape[1] for part in parts)
    wide = [
        part if part.shape[1] == width else nn.functional.pad(part, (0, width - part.shape[1]), value=float("-inf"))
        for part in parts
    ]
    return torch.cat(wide) if len(wide) > 1 else wide[0]
