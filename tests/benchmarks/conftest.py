"""Benchmarks use the made-up project of the workflow's tests."""

from pathlib import Path

import packages
import pytest
from projects import copy_project


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--search-rows", type=int, default=16_384, help="queries and documents of the search")


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with made-up packages; nothing has run yet."""
    folder = copy_project(tmp_path_factory.mktemp("fresh"))
    packages.make(folder)
    return folder
