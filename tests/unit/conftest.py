"""Property tests have no deadline: how fast a machine is says nothing about what they check. One thread, as in jobs."""

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from hypothesis import settings

from codestilts.training.tokenizers import load_tokenizer

torch.set_num_threads(1)
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny encoder; tests only read it."""
    return tiny.encoder_folder(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tokenizer(folder: Path) -> Any:
    """The tiny encoder's tokenizer."""
    return load_tokenizer(folder)
