"""The workflow's own style, and the promises about how fast things start."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from projects import ROOT, environment

TRAINING = {"train_intermediate", "train_target", "predict"}
SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py") if path.stem not in TRAINING)


def cpu_seconds(command: list[str], folder: Path) -> float:
    """Processor time of a command and its children; the command has to succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=environment(folder), check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_is_not_training_starts_within_two_seconds(script: str) -> None:
    command = [sys.executable, f"scripts/{script}.py", "--help"]
    assert min(cpu_seconds(command, ROOT) for _ in range(2)) < 2


def test_a_dry_run_of_the_default_study_takes_under_five_seconds(fresh: Path) -> None:
    command = ["snakemake", "--dry-run", "--quiet", "all"]
    (fresh / "sources.csv").rename(fresh / "made.csv")
    (fresh / "sources.csv").write_text((ROOT / "sources.csv").read_text())
    try:
        assert min(cpu_seconds(command, fresh) for _ in range(2)) < 5
    finally:
        (fresh / "made.csv").replace(fresh / "sources.csv")


def test_snakemake_finds_no_fault() -> None:
    command = ["snakemake", "--lint"]
    result = subprocess.run(command, cwd=ROOT, env=environment(ROOT), capture_output=True, text=True)
    assert result.returncode == 0 and "Congratulations" in result.stdout + result.stderr, result.stdout + result.stderr


def test_no_file_is_long_and_the_snakefile_is_short() -> None:
    assert len((ROOT / "Snakefile").read_text().splitlines()) < 60
    for path in [*ROOT.glob("src/**/*.py"), *ROOT.glob("scripts/*.py"), *ROOT.glob("rules/*.smk")]:
        assert len(path.read_text().splitlines()) <= 320, path
