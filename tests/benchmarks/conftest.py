"""Benchmarks use the made-up project of the workflow's tests."""

from pathlib import Path

import packages
import pytest
from projects import copy_project


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with made-up packages; nothing has run yet."""
    folder = copy_project(tmp_path_factory.mktemp("fresh"))
    packages.make(folder)
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    """Benchmarks of statistics take an hour in the shape of the paper study."""
    parser.addoption("--full-shape", action="store_true", help="statistics of all encoders and test rows")
