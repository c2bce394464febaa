"""The processes that train one model together, one a GPU of one node. A process by itself is a team of one.

Each computes the outputs of its own examples, and the loss of all of them; the sum of what each passes back to its own
outputs is the gradient of the whole batch, in-batch negatives included.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from codestilts.errors import CodeStiltsError
from codestilts.training.out_of_memory import unless_out_of_memory

T = TypeVar("T")


def size() -> int:
    """The number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """The number of this process; the first, 0, is the one that evaluates, prints and writes."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def everyone(value: T) -> list[T]:
    """The values of all processes, in order; each has to ask."""
    values: list[Any] = [value] * size()
    if size() > 1:
        distributed.all_gather_object(values, value)
    return values


def first(compute: Callable[[], T]) -> T:
    """What ``compute`` returns in the first process, in all of them: it alone calls it while the others wait.

    A :class:`CodeStiltsError` is raised in all.
    """
    if size() == 1:
        return compute()
    told: list[Any] = [None, None]
    if rank() == 0:
        try:
            told = [compute(), None]
        except CodeStiltsError as error:
            told = [None, str(error)]
    distributed.broadcast_object_list(told)
    value, problem = told
    if problem is not None:
        raise CodeStiltsError(problem)
    return value


def gathered(own: Tensor | None) -> list[Tensor] | None:
    """The tensors of all processes, in order; only this one's ``own`` has a graph. Their shapes may differ.

    None in all of them, if in one of them the memory of the GPU is too small: for these, or before (``own`` is None).
    """
    forms = everyone(None if own is None else (own.shape, own.dtype))
    if own is None or None in forms:
        return None
    if size() == 1:
        return [own]
    values = own.detach().contiguous()
    parts = unless_out_of_memory(lambda: [values.new_empty(form[0], dtype=form[1]) for form in forms if form])
    if not all(everyone(parts is not None)) or parts is None:
        return None
    parts[rank()] = values
    for place, part in enumerate(parts):
        if part.numel():
            distributed.broadcast(part, place)
    parts[rank()] = own
    return parts


def add_up(*modules: nn.Module) -> None:
    """Let every gradient be the sum of those of all processes; what has none in any of them stays without."""
    if size() == 1:
        return
    parameters = list(nn.ModuleList(modules).parameters())  # those that modules share once
    there = everyone([parameter.grad is not None for parameter in parameters])
    for parameter, *found in zip(parameters, *there, strict=True):
        if any(found):
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)
