"""Benchmarks use the made-up project of the workflow's tests and the tiny encoder of the unit tests."""

from pathlib import Path

import packages
import pandas as pd
import pytest
from measures import OUT, Measures, draw, machine
from projects import ROOT, copy_project

MEASURES = Measures([])


@pytest.fixture(scope="session")
def measures() -> Measures:
    """Where benchmarks record what they measure; printed, and written as a table and a figure, at the end."""
    return MEASURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print and write the table."""
    if not MEASURES.rows:
        return
    table = pd.DataFrame(MEASURES.rows)
    OUT.mkdir(parents=True, exist_ok=True)
    table.to_csv(OUT / "measures.csv", index=False, float_format="%.4g")
    (OUT / "machine.txt").write_text(machine() + "\n", encoding="utf-8")
    draw(table)
    terminalreporter.section("measures")
    terminalreporter.write_line(machine())
    terminalreporter.write_line(table.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    terminalreporter.write_line(f"written to {OUT.relative_to(ROOT)}/ with a figure")


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with made-up packages; nothing has run yet."""
    folder = copy_project(tmp_path_factory.mktemp("fresh"))
    packages.make(folder)
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    """Sizes that take longer than all benchmarks may take together."""
    parser.addoption("--search-rows", type=int, default=16_384, help="queries and documents of the search")
    parser.addoption("--full-shape", action="store_true", help="statistics of all encoders and test rows")
    parser.addoption("--sizes", nargs="+", default=["1k", "10k"], help="1k, 10k, paper, 50k")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each size."""
    if "size" in metafunc.fixturenames:
        metafunc.parametrize("size", metafunc.config.getoption("--sizes"))
