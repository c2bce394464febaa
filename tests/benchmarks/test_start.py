"""How much processor time things take to start (``make bench``): run it on a machine that does nothing else."""

import shutil
import sys
from pathlib import Path

import pytest
from measures import Measures, cpu_seconds
from projects import ROOT

TRAINING = {"train_intermediate", "train_target"}  # they import torch
SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py") if path.stem not in TRAINING)
SCRIPT_SECONDS, DRY_RUN_SECONDS = 2, 5  # the report waits for some hundred scripts, a user for a dry run


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_that_does_not_train_starts_quickly(script: str, measures: Measures) -> None:
    command = [sys.executable, f"scripts/{script}.py", "--help"]
    seconds = [cpu_seconds(command, ROOT) for _ in range(2)]
    measures.add(f"start of {script}", seconds, "CPU s", f"at most {SCRIPT_SECONDS}")
    assert min(seconds) < SCRIPT_SECONDS


def test_a_dry_run_of_the_default_study_is_quick(fresh: Path, measures: Measures) -> None:
    shutil.copy2(ROOT / "sources.csv", fresh / "sources.csv")
    command = ["snakemake", "--dry-run", "--quiet", "all"]
    seconds = [cpu_seconds(command, fresh) for _ in range(2)]
    measures.add("dry run of the default study", seconds, "CPU s", f"at most {DRY_RUN_SECONDS}")
    assert min(seconds) < DRY_RUN_SECONDS
