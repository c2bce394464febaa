"""How much processor time things take to start (``make bench``): run it on a machine that does nothing else."""

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from projects import ROOT, environment

TRAINING = {"train_intermediate", "train_target"}  # they import torch
SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py") if path.stem not in TRAINING)
SCRIPT_SECONDS, DRY_RUN_SECONDS = 2, 5  # the report waits for some hundred scripts, a user for a dry run


def cpu_seconds(command: list[str], folder: Path) -> float:
    """Processor time of a command and its children; the command has to succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=environment(folder), check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_that_does_not_train_starts_quickly(script: str) -> None:
    command = [sys.executable, f"scripts/{script}.py", "--help"]
    assert min(cpu_seconds(command, ROOT) for _ in range(2)) < SCRIPT_SECONDS


def test_a_dry_run_of_the_default_study_is_quick(fresh: Path) -> None:
    shutil.copy2(ROOT / "sources.csv", fresh / "sources.csv")
    command = ["snakemake", "--dry-run", "--quiet", "all"]
    assert min(cpu_seconds(command, fresh) for _ in range(2)) < DRY_RUN_SECONDS
