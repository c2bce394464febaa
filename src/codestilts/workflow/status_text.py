"""The text of ``make status``."""

import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from codestilts.workflow.compute_hours import device_hours
from codestilts.workflow.energy import energy_text, seconds_by_device, shared_out
from codestilts.workflow.job_paths import log_path
from codestilts.workflow.status import STATES, Failure, StudyStatus

WIDTH = 120  # characters of a line
LOG_LINES = 5  # shown of the end of a log
LOG_BYTES = 10_000  # read of the end of a log to find them
SLURM_ERRORS = ("slurmstepd", "srun: error", "error:")  # starts of lines that matter in a log of Slurm


@dataclass(frozen=True)
class Commands:
    """What the user types to continue the study, and to see its status again."""

    resume: str
    status: str

    @classmethod
    def of(cls, study: str, overlays: list[Path]) -> "Commands":
        """The commands of a study with these overlays over config.yaml."""
        files = " ".join(map(str, overlays))
        resume = f"snakemake --cores all --configfile {files}" if overlays else "make report"
        if not overlays:
            return cls(resume, "make status")
        if overlays == [Path(f"studies/{study}.yaml")]:
            return cls(resume, f"make status STUDY={study}")
        return cls(resume, f"python scripts/status.py --configs config.yaml {files}")


def status_text(status: StudyStatus, commands: Commands, most_failures: int) -> str:
    """Everything that ``make status`` prints; at most ``most_failures`` failed jobs, the latest first."""
    if not status.states:
        return f"{headline(status)}\n\nNext: {commands.resume}"
    head = headline(status)
    if status.slurm_error:
        head += f"\nSlurm does not answer, so running and queued jobs are unknown: {status.slurm_error}"
    parts = [head, jobs_text(status), hours_text(status), *failures_text(status, most_failures)]
    return "\n\n".join([*parts, f"Next: {next_step(status, commands)}"])


def headline(status: StudyStatus) -> str:
    """Whether the study runs, and how far its last run has come."""
    name = f"Study {status.study.name}"
    if not status.runs:
        return f"{name}: {'no run has left a log here' if status.states else 'not started'}"
    last = status.runs[-1]
    began = datetime.fromtimestamp(last.began).strftime("%Y-%m-%d %H:%M")
    state = f"running since {began}" if status.is_running else f"not running; last run started {began}"
    steps = f", {last.done:,} of {last.planned:,} steps done" if last.planned else ""
    return f"{name}: {state}{steps}"


def jobs_text(status: StudyStatus) -> str:
    """A row of job counts for each rule, and one of sums."""
    columns = ["planned", *STATES]
    table = pd.DataFrame.from_dict(status.counts(), orient="index").reindex(columns=columns).fillna(0).astype(int)
    table.loc["all"] = table.sum()
    return table.map(lambda count: f"{count:,}" if count else "").to_string()


def hours_text(status: StudyStatus) -> str:
    """Device hours used and left."""
    hours = device_hours(status)
    unit = "GPU-hours" if status.study.config.device == "gpu" else "Hours of training and prediction"
    failed = f" ({hours.failed:,.2f} of them in failed attempts)" if hours.failed else ""
    if hours.left is None:
        left = "the first finished jobs will tell how many are left"
    else:
        left = f"about {hours.left:,.2f} left {hours.basis}" if hours.left else "none left"
    text = f"{unit}: {hours.used:,.2f} used{failed}, {left}"
    parts = shared_out(hours.used, seconds_by_device(status.results))
    return f"{text}\n{textwrap.fill(energy_text(parts), WIDTH)}" if parts else text


def failures_text(status: StudyStatus, most: int) -> Iterator[str]:
    """Counts of resolved failures, then each job whose last attempt failed, with the end of its logs."""
    if resolved := sum(map(status.is_resolved, status.all_failures)):
        yield f"Failures resolved by a later attempt: {resolved:,}"
    if retried := len(status.failures) - len(status.failed):
        yield f"Failed jobs that are being retried: {retried:,}"
    for failure in status.failed[:most]:
        yield "\n".join(failure_lines(status, failure))
    if len(status.failed) > most:
        yield f"{len(status.failed) - most:,} more jobs failed: --failures {len(status.failed)} shows all"


def failure_lines(status: StudyStatus, failure: Failure) -> Iterator[str]:
    """A failed job: its name, when it failed, and the end of its logs."""
    attempt = failure.attempt
    slurm = f", Slurm job {attempt.slurm_id}: {attempt.state}" if attempt else ""
    time = datetime.fromtimestamp(failure.time).strftime("%Y-%m-%d %H:%M:%S")
    yield f"Failed: {' '.join([failure.rule, *failure.job_path.split('/')[1:]])} ({time}{slurm})"
    log = status.results / log_path(failure.job_path)
    yield from log_lines(log, last_lines(log)[-LOG_LINES:] if log.suffix == ".log" else [])
    if attempt:
        errors = [line for line in last_lines(attempt.job.log) if line.startswith(SLURM_ERRORS)]
        yield from log_lines(attempt.job.log, errors[-LOG_LINES:])


def log_lines(log: Path, lines: list[str]) -> Iterator[str]:
    """The name of a log, if it exists, and the given lines of it."""
    if log.exists():
        yield f"  {log}"
        yield from (f"    {line}" for line in lines)


def last_lines(log: Path) -> list[str]:
    """The lines at the end of a log that are not empty."""
    if not log.exists():
        return []
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - LOG_BYTES))
        lines = stream.read().decode(errors="replace").splitlines()
    return [line for line in lines if line.strip()]


def next_step(status: StudyStatus, commands: Commands) -> str:
    """What to type next."""
    states = Counter(status.states.values())
    if status.is_running:
        return f"nothing to do, the run continues. Look again: {commands.status}"
    if in_slurm := states["running"] + states["queued"]:
        return f"Snakemake has stopped, but {in_slurm:,} of its jobs are still in Slurm. Look again: {commands.status}"
    if states["done"] == len(status.rules):
        return f"all jobs are done, open {status.results}/report.html"
    if not status.runs or not status.runs[-1].slurm_run:
        return commands.resume
    larger = larger_resources(status)
    return f"repeat the command of the last run{' with ' + larger if larger else ''}"


def larger_resources(status: StudyStatus) -> str:
    """The Snakemake option that doubles the resource that each failed rule ran out of; "" if none did."""
    doubled: dict[str, float] = {}
    for failure in status.failed:
        attempt = failure.attempt
        if attempt and attempt.state == "TIMEOUT" and attempt.limit:
            doubled[f"{failure.rule}:runtime"] = 2 * attempt.limit / 60
        elif attempt and attempt.state == "OUT_OF_MEMORY":
            doubled[f"{failure.rule}:mem_mb"] = 2 * attempt.memory
    return "--set-resources " + " ".join(f"{name}={value:.0f}" for name, value in doubled.items()) if doubled else ""
