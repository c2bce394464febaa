"""Tests that need a GPU: ``make test-gpu``. The others pretend GPUs or compare with a reference on a CPU."""

from collections.abc import Iterator

import pytest
import torch
from measures import measures, pytest_terminal_summary  # noqa: F401

from codestilts.training.precision import allow_tf32


def pytest_sessionstart(session: pytest.Session) -> None:
    if not torch.cuda.is_available():
        pytest.exit(f"these tests need a GPU, and torch {torch.__version__} finds none", returncode=1)


@pytest.fixture
def gpu() -> torch.device:
    """The GPU of these tests."""
    return torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def settings_of_the_process() -> Iterator[None]:
    """Restore what tests change for the whole process."""
    yield
    allow_tf32(False)
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()
