"""How far a study is, on whatever it runs: jobs by state, device hours so far and to go, and what failed.

A job is done when its benchmark is there, which every job writes at its end. Logs of Snakemake and Slurm's accounting
tell the rest; where they and the benchmark disagree, the later one is right.
"""

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout

from codestilts.config.study import Study
from codestilts.workflow.job_paths import rules_by_job_path
from codestilts.workflow.slurm_accounting import Attempt, attempts
from codestilts.workflow.snakemake_logs import RunLog, read_logs

STATES = ["done", "running", "waiting", "failed"]
SLACK = 2  # seconds: Snakemake's times have no fractions


@dataclass(frozen=True)
class Failure:
    """The last failure of a job that has not been made good."""

    rule: str
    job_path: str
    time: float
    attempt: Attempt | None  # where Slurm ran it


@dataclass
class Progress:
    """A study as its files, Snakemake's logs and Slurm tell of it."""

    study: Study
    root: Path
    runs: list[RunLog]
    attempts: list[Attempt]
    going_on: bool
    silent: str = ""  # why Slurm told nothing
    failures: list[Failure] = field(default_factory=list)
    made_good: int = 0

    @cached_property
    def rules(self) -> dict[str, str]:
        """The rule of each job, by its job path."""
        return rules_by_job_path(self.study)

    @property
    def results(self) -> Path:
        """The study's folder."""
        return self.root / "results" / self.study.name

    @cached_property
    def finished(self) -> dict[str, float]:
        """When each finished job ended, by its job path; an archive may have been fetched for another study."""
        archives = {f"fetch/{name}": when for name, when in times(self.archives, ".zip")}
        ended = archives | dict(times(self.results / "benchmarks", ".tsv"))
        return {name: when for name, when in ended.items() if name in self.rules}

    @property
    def archives(self) -> Path:
        """Where this study's archives are."""
        return (self.results if self.study.config.rehearsal else self.root) / "resources"

    @cached_property
    def last(self) -> dict[str, Attempt]:
        """The last attempt in Slurm at each job."""
        return {name: attempt for attempt in self.attempts for name in attempt.job_paths}

    @cached_property
    def states(self) -> dict[str, str]:
        """The state of each job that has one; the others are to come."""
        found = dict.fromkeys(self.finished, "done")
        found |= {failure.job_path: "failed" for failure in self.failures}
        if self.going_on:
            found |= dict.fromkeys(self.running_here(), "running")
        for name, attempt in self.last.items():
            if attempt.running or attempt.waiting:
                found[name] = "running" if attempt.running else "waiting"
        return {name: state for name, state in found.items() if name in self.rules}

    @cached_property
    def failed(self) -> list[Failure]:
        """The failures that nothing is done about now."""
        return [failure for failure in self.failures if self.states[failure.job_path] == "failed"]

    def running_here(self) -> Iterator[str]:
        """The jobs that have written into their log since they last ended, and are not in Slurm."""
        began, submitted = (self.runs[-1].began, self.runs[-1].submitted) if self.runs else (0.0, {})
        in_slurm = {name for attempt in self.attempts if attempt.slurm_id in submitted for name in attempt.job_paths}
        failed = {failure.job_path: failure.time + SLACK for failure in self.failures}
        logs = dict(times(self.results / "logs", ".log"))
        notebooks = dict(times(self.results / "notebooks", ".ipynb", "notebooks/"))
        for name, when in (logs | notebooks).items():
            ended = max(self.finished.get(name, 0.0), failed.get(name, 0.0), began)
            if when > ended and name not in in_slurm:
                yield name

    def counts(self) -> dict[str, Counter[str]]:
        """For each rule how many jobs are planned in all, and how many are in each state."""
        table: dict[str, Counter[str]] = {}
        for name, rule in self.rules.items():
            table.setdefault(rule, Counter()).update(["planned", *([self.states[name]] if name in self.states else [])])
        return table


def times(folder: Path, suffix: str, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Each file of that kind below a folder, by its path without the suffix, and when it was written last."""
    pending = [(folder, prefix)]
    while pending:
        folder, before = pending.pop()
        try:
            entries = list(os.scandir(folder))
        except FileNotFoundError:
            continue
        for entry in entries:
            if entry.is_dir():
                pending.append((Path(entry.path), f"{before}{entry.name}/"))
            elif entry.name.endswith(suffix):
                yield before + entry.name.removesuffix(suffix), entry.stat().st_mtime


def look(study: Study, root: Path) -> Progress:
    """How far a study in the checkout ``root`` is."""
    runs = read_logs(root / ".snakemake" / "log", study.name)
    found, silent = list[Attempt](), ""
    try:
        found = attempts(runs, {name: study.gpus(name) for name in study.encoders})
    except (OSError, subprocess.CalledProcessError) as error:
        silent = " ".join(str(getattr(error, "stderr", "") or error).split())
    progress = Progress(study, root, runs, found, is_locked(root / ".snakemake" / f"{study.name}.lock"), silent)
    progress.failures, progress.made_good = failures(progress)
    return progress


def is_locked(path: Path) -> bool:
    """Whether a run of Snakemake holds this lock (rules/common.smk)."""
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def failures(progress: Progress) -> tuple[list[Failure], int]:
    """The jobs whose last word is a failure, the latest first, and how many failures were made good since."""
    by_id = {attempt.slurm_id: attempt for attempt in progress.attempts}
    found = [
        Failure(progress.rules.get(name, attempt.job.name), name, attempt.ended or 0.0, attempt)
        for attempt in progress.attempts
        if attempt.failed
        for name in attempt.job_paths
    ]
    told = {failure.attempt.slurm_id for failure in found if failure.attempt}
    for run in progress.runs:
        in_slurm = {name for job_id in run.submitted if job_id in by_id for name in by_id[job_id].job_paths}
        for failed in run.failed:
            if failed.slurm_id not in told and (failed.slurm_id or failed.job_path not in in_slurm):
                found.append(Failure(failed.rule, failed.job_path, failed.time, by_id.get(failed.slurm_id)))
    found = [failure for failure in found if failure.job_path in progress.rules]
    lasting = {
        failure.job_path: failure
        for failure in sorted(found, key=lambda failure: failure.time)
        if failure.time > progress.finished.get(failure.job_path, 0.0)
    }
    made_good = sum(failure.time <= progress.finished.get(failure.job_path, 0.0) for failure in found)
    return sorted(lasting.values(), key=lambda failure: -failure.time), made_good
