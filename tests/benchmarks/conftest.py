"""Benchmarks use the made-up project of the workflow's tests and the tiny encoder of the unit tests."""

from argparse import ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path

import packages
import pytest
import torch
from measures import measures, pytest_terminal_summary  # noqa: F401
from projects import copy_project
from study_sizes import SIZES


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with made-up packages; nothing has run yet."""
    folder = copy_project(tmp_path_factory.mktemp("fresh"))
    packages.make(folder)
    return folder


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Jobs of a study compute with one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def number_of_rows(text: str) -> int:
    """The value of ``--search-rows``."""
    value = int(text)
    if value < 1:
        raise ArgumentTypeError(f"{text}: give 1 or more")
    return value


def pytest_addoption(parser: pytest.Parser) -> None:
    """Sizes that take longer than all benchmarks may take together."""
    parser.addoption("--search-rows", type=number_of_rows, default=16_384, help="queries and documents of the search")
    parser.addoption("--full-shape", action="store_true", help="statistics of all encoders and test rows")
    parser.addoption("--sizes", nargs="+", choices=SIZES, default=["1k", "10k"], help="of the study that is planned")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each size."""
    if "size" in metafunc.fixturenames:
        metafunc.parametrize("size", metafunc.config.getoption("--sizes"))
