"""A project with made-up packages, and one in which the micro study has run."""

import shutil
from pathlib import Path

import packages
import pytest
from projects import copy_project, snakemake


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that share a project in one process of pytest-xdist: Snakemake locks the folder it runs in."""
    for item in items:
        if {"fresh", "done"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("micro"))


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with made-up packages, nothing run yet; tests only read it."""
    folder = copy_project(tmp_path_factory.mktemp("fresh"))
    packages.make(folder)
    return folder


@pytest.fixture(scope="session")
def done(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after a whole run from sources to report."""
    folder = tmp_path_factory.mktemp("done") / "project"
    shutil.copytree(fresh, folder)
    result = snakemake(folder)
    assert result.returncode == 0, result.stdout[-6000:]
    return folder
