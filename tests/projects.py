"""Copies of the project in empty folders, and runs of the workflow in them."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from warm_python import bin_folder

ROOT = Path(__file__).parents[1]
FILES = ["Snakefile", "config.yaml", "claims.yaml", "sources.csv"]
FOLDERS = ["containers", "rules", "profiles", "slurm", "scripts", "src", "studies", "tasks", "notebooks", "report"]
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.sif*")


def copy_project(folder: Path) -> Path:
    """Copy the parts of this checkout that a run needs to ``folder``."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
    for name in FILES:
        shutil.copy2(ROOT / name, folder / name)
    shutil.copy2(Path(__file__).with_name("micro.yaml"), folder / "micro.yaml")
    return folder


def environment(folder: Path, *, warm: bool = True, **hub: str) -> dict[str, str]:
    """The environment of a run: the library of the copy, no hub but ``hub``, and the :mod:`warm_python` of tests."""
    programs = bin_folder(**hub) if warm else Path(sys.executable).parent
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **inherited,
        "PYTHONPATH": str(folder / "src"),
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HF_HUB_OFFLINE": "1",
        **hub,
    }


def snakemake(
    folder: Path, *options: str, configs: Sequence[str] = ("micro.yaml",)
) -> subprocess.CompletedProcess[str]:
    """Run the workflow in ``folder``; stdout and stderr together, in order."""
    command = ["snakemake", "--cores", "2", *options, "--configfile", *configs]
    return subprocess.run(
        command, cwd=folder, env=environment(folder), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def call(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a script of the project in ``folder``; stdout and stderr together."""
    command = ["python", *map(str, words)]
    return subprocess.run(
        command, cwd=folder, env=environment(folder), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def kill_while_training(folder: Path, target: Path, when: str) -> None:
    """Run the workflow for one file, and kill it with all its jobs as soon as a line that it prints has ``when``.

    Snakemake is not a fork of the server here, so that the kill reaches the shells of its jobs.
    """
    command = [str(bin_folder() / "interpreter"), str(Path(sys.executable).with_name("snakemake"))]
    command += ["--cores", "1", str(target.relative_to(folder)), "--configfile", "micro.yaml"]
    process = subprocess.Popen(
        command, cwd=folder, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout
    for line in process.stdout:
        if when in line:
            os.killpg(process.pid, signal.SIGKILL)
            break
    assert process.wait() == -signal.SIGKILL, "it was killed while it trained"
