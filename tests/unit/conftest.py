"""Property tests have no deadline: how fast a machine is says nothing about what they check. One thread, as in jobs."""

import gc
import weakref
from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

from codestilts.training import loop

torch.set_num_threads(1)
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture
def models_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """For each run that starts: how many weights of earlier runs are still in memory, without automatic collections."""
    counts: list[int] = []
    earlier: list[weakref.ref[torch.Tensor]] = []

    def new_model(*arguments: object) -> loop.Model:
        counts.append(sum(weights() is not None for weights in earlier))
        model = original(*arguments)
        earlier.extend(map(weakref.ref, [*model.encoder.parameters(), *model.heads.parameters()]))
        return model

    original = loop._new_model
    monkeypatch.setattr(loop, "_new_model", new_model)
    gc.disable()
    try:
        yield counts
    finally:
        gc.enable()
