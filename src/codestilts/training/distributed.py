"""Data-parallel training of one model: several processes of one node, one per GPU. A single process is a world of one.

Each process computes the outputs of its own examples, and the loss of all of them. Each passes the loss back to its own
outputs; the sum of these gradients is the gradient of the whole batch, in-batch negatives included.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from codestilts.errors import CodeStiltsError
from codestilts.training.out_of_memory import unless_out_of_memory

T = TypeVar("T")


def world_size() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Return the number of this process. Rank 0 evaluates, prints and writes."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def all_gather(value: T) -> list[T]:
    """Return the values of all processes by rank; every process has to call this."""
    values: list[Any] = [value] * world_size()
    if world_size() > 1:
        distributed.all_gather_object(values, value)
    return values


def run_on_rank_zero(compute: Callable[[], T]) -> T:
    """Call ``compute`` in the process of rank 0, while the others wait, and return its result in all of them.

    Raises:
        CodeStiltsError: ``compute`` raised it; it is raised in all processes.
    """
    if world_size() == 1:
        return compute()
    message: list[Any] = [None, None]  # result and error
    if rank() == 0:
        try:
            message[0] = compute()
        except CodeStiltsError as error:
            message[1] = str(error)
    distributed.broadcast_object_list(message)
    result, error_text = message
    if error_text is not None:
        raise CodeStiltsError(error_text)
    return result


def gather_outputs(local: Tensor | None) -> list[Tensor] | None:
    """Return the tensors of all processes by rank, whose shapes may differ; only ``local`` keeps its graph.

    Returns None in all processes if one of them ran out of GPU memory, here or before (``local`` is None).
    """
    shapes = all_gather(None if local is None else (local.shape, local.dtype))
    if local is None or None in shapes:
        return None
    if world_size() == 1:
        return [local]
    values = local.detach().contiguous()
    parts = unless_out_of_memory(lambda: [values.new_empty(shape[0], dtype=shape[1]) for shape in shapes if shape])
    if not all(all_gather(parts is not None)) or parts is None:
        return None
    parts[rank()] = values
    for source, part in enumerate(parts):
        if part.numel():
            distributed.broadcast(part, source)
    parts[rank()] = local
    return parts


def all_reduce_gradients(*modules: nn.Module) -> None:
    """Sum every gradient over all processes; a parameter without one in any process stays without."""
    if world_size() == 1:
        return
    parameters = list(nn.ModuleList(modules).parameters())  # parameters that modules share count once
    has_gradient = all_gather([parameter.grad is not None for parameter in parameters])
    for parameter, *present in zip(parameters, *has_gradient, strict=True):
        if any(present):
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)
