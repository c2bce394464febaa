"""Processor time and memory of planning a study, against a plain workflow of as many jobs (``make bench``).

``make bench PYTEST="-k planning --sizes 1k 10k paper 50k"`` measures all sizes, for the table of docs/performance.md,
and draws time and memory against the number of jobs.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml
from measures import Measures, draw_planning
from plain_workflow import write_plain_workflow
from projects import ROOT, environment
from study_sizes import SIZES

RATIO, MEMORY_MB = 2.0, 1000  # goals; the memory is that of the paper study
SLOWEST = 3.8  # the ratio before planning was made faster


@dataclass(frozen=True)
class Usage:
    """Processor time and peak memory of a process, and what it printed."""

    seconds: float
    megabytes: float
    printed: str


def measure(folder: Path, *options: str) -> Usage:
    """A dry run in a folder; it has to succeed."""
    process = subprocess.Popen(
        ["snakemake", "--dry-run", "--quiet", "host", "reason", "rules", *options],
        cwd=folder,
        env=environment(folder, warm=False),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    # Its ru_maxrss begins with the memory of this process, which it is forked from.
    with ThreadPoolExecutor(1) as pool:
        peak = pool.submit(peak_mb, psutil.Process(process.pid))
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, printed
    return Usage(usage.ru_utime + usage.ru_stime, peak.result(), printed)


def peak_mb(process: psutil.Process) -> float:
    """The largest memory of a process until it ends, in MiB, looked up twenty times a second."""
    largest = 0
    while process.is_running():
        try:
            largest = max(largest, process.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.05)
    return largest / 2**20


@pytest.fixture(scope="module")
def dry_runs() -> Iterator[list[dict[str, object]]]:
    """Where dry runs are recorded; drawn at the end if they are of several sizes."""
    rows: list[dict[str, object]] = []
    yield rows
    if len({row["size"] for row in rows}) > 1:
        draw_planning(pd.DataFrame(rows))


def jobs_in(plan: str) -> int:
    """The number of jobs that a dry run counts."""
    return int(re.findall(r"^total +(\d+)$", plan, re.MULTILINE)[-1])


def test_planning_is_at_most_twice_as_slow_as_that_of_a_plain_workflow(
    size: str, fresh: Path, tmp_path: Path, measures: Measures, dry_runs: list[dict[str, object]]
) -> None:
    project = Path(shutil.copytree(fresh, tmp_path / "project", symlinks=True))
    shutil.copy2(ROOT / "sources.csv", project / "sources.csv")
    (project / "size.yaml").write_text(yaml.safe_dump({"study": "size", **SIZES[size]}))
    options = ("--configfile", str(ROOT / "studies/paper.yaml"), "size.yaml")
    rounds = []
    for number in range(1 if size in ("paper", "50k") else 3):
        study = measure(project, *options, "--", "all")
        write_plain_workflow(tmp_path / f"plain-{number}", jobs_in(study.printed))
        plain = measure(tmp_path / f"plain-{number}")
        rounds.append((study, plain))
        for name, usage in (("study", study), ("plain workflow", plain)):
            row = {"size": size, "workflow": name, "jobs": jobs_in(study.printed)}
            dry_runs.append(row | {"CPU s": usage.seconds, "MB": usage.megabytes})
    study, plain = min(rounds, key=lambda pair: pair[0].seconds / pair[1].seconds)
    label = f"dry run of {jobs_in(study.printed):,} jobs of the paper study"
    ratios = [one.seconds / other.seconds for one, other in rounds]
    measures.add(f"{label} against a plain workflow", ratios, "ratio of CPU s", f"at most {RATIO:g}")
    measures.add(label, [one.seconds for one, _ in rounds], "CPU s")
    measures.add(label, [one.megabytes for one, _ in rounds], "MB", f"at most {MEMORY_MB}")
    # Small studies take as long as the modules that planning imports.
    assert size == "1k" or study.seconds < SLOWEST * plain.seconds
    assert abs(jobs_in(plain.printed) - jobs_in(study.printed)) < 4
    assert size == "50k" or study.megabytes < MEMORY_MB
