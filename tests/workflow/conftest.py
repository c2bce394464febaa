"""A copy of the project in an empty folder, with made-up packages in place of the real ones."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import packages
import pytest

ROOT = Path(__file__).parents[2]
FILES = ["Snakefile", "config.yaml", "sources.csv"]
FOLDERS = ["containers", "rules", "profiles", "slurm", "scripts", "src", "tasks", "notebooks", "report"]

Run = Callable[..., subprocess.CompletedProcess[str]]


def copy_project(folder: Path) -> Path:
    """What a run needs of this checkout, in ``folder``."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in FILES:
        shutil.copy2(ROOT / name, folder / name)
    shutil.copy2(Path(__file__).with_name("micro.yaml"), folder / "micro.yaml")
    return folder


def environment(folder: Path) -> dict[str, str]:
    """The environment of a run: the copy's own library first, and no way to a network."""
    python = Path(sys.executable).parent
    return {
        **os.environ,
        "PYTHONPATH": str(folder / "src"),
        "PATH": f"{python}{os.pathsep}{os.environ['PATH']}",
        "HF_HUB_OFFLINE": "1",
    }


def snakemake(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the workflow in ``folder``; stdout and stderr together, in order."""
    command = ["snakemake", "--cores", "2", *options, "--configfile", "micro.yaml"]
    return subprocess.run(
        command, cwd=folder, env=environment(folder), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


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
