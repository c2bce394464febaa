"""A project with made-up packages, and one in which the micro study has run.

Both are made once a run; each process of pytest-xdist has its own copy, since Snakemake locks the folder it runs in.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import packages
import pytest
from projects import copy_project, snakemake

MakeOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def fresh(make_once: MakeOnce, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with made-up packages, nothing run yet; tests only read it."""

    def make(folder: Path) -> None:
        folder.mkdir()
        packages.make(copy_project(folder))

    return Path(shutil.copytree(make_once("fresh", make), tmp_path_factory.mktemp("fresh") / "project", symlinks=True))


@pytest.fixture(scope="session")
def done(fresh: Path, make_once: MakeOnce, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after a whole run from sources to report."""

    def make(folder: Path) -> None:
        shutil.copytree(fresh, folder, symlinks=True)
        result = snakemake(folder)
        assert result.returncode == 0, result.stdout[-6000:]

    return Path(shutil.copytree(make_once("done", make), tmp_path_factory.mktemp("done") / "project", symlinks=True))
