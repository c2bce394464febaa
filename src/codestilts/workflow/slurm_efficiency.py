"""What Slurm allocated to a study's jobs and what they used: one row per rule."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from codestilts.workflow.benchmarks import read_benchmark
from codestilts.workflow.slurm_accounting import Attempt

COLUMNS = ["rule", "jobs", "attempts", "failed", "hours", "gpu_hours", "queue_hours",
           "cpu_used", "memory_used", "time_used", "overhead"]  # fmt: skip
LATE = 300  # seconds within which Snakemake notices the end of a job: it asks at least every three minutes


def efficiency(attempts: Iterable[Attempt], benchmarks: Path) -> pd.DataFrame:
    """All attempts that began and ended, by rule in the order of the first; empty if Slurm ran nothing.

    ``cpu_used`` is a share of the CPU time of all attempts. ``memory_used`` and ``time_used`` are the largest shares of
    what one attempt requested. ``overhead`` is described at :func:`overhead`.
    """
    by_rule: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        if attempt.began and attempt.ended:
            by_rule.setdefault(label(attempt), []).append(attempt)
    rows = [rule_row(rule, ended, benchmarks) for rule, ended in by_rule.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def label(attempt: Attempt) -> str:
    """The rule of a job, or the name of a group, which Snakemake's log joins with the rules in it by underscores."""
    if attempt.job.kind == "rule":
        return attempt.job.name
    return attempt.job.name.partition("_")[0] + " (grouped)"


def rule_row(rule: str, attempts: list[Attempt], benchmarks: Path) -> dict[str, object]:
    """The row of one rule."""
    allocated = sum(attempt.cpu_seconds for attempt in attempts)
    memory = [attempt.used.memory / attempt.memory for attempt in attempts if attempt.used.memory and attempt.memory]
    return {
        "rule": rule,
        "jobs": len({path for attempt in attempts for path in attempt.job_paths}),
        "attempts": len(attempts),
        "failed": sum(attempt.failed for attempt in attempts),
        "hours": sum(attempt.seconds for attempt in attempts) / 3600,
        "gpu_hours": sum(attempt.seconds * attempt.gpus for attempt in attempts) / 3600,
        "queue_hours": sum((attempt.began or 0) - (attempt.submitted or 0) for attempt in attempts) / 3600,
        "cpu_used": sum(attempt.used.cpu_seconds for attempt in attempts) / allocated if allocated else None,
        "memory_used": max(memory, default=None),
        "time_used": max((attempt.seconds / attempt.limit for attempt in attempts if attempt.limit), default=None),
        "overhead": overhead(attempts, benchmarks),
    }


def overhead(attempts: Iterable[Attempt], benchmarks: Path) -> float | None:
    """The share of the jobs' time in which no script ran: 1 - time of the benchmarks / time in Slurm.

    A benchmark is that of a job's last success, so earlier attempts are ignored. Jobs of a group run one after the
    other; a group is included if all its jobs have benchmarks. None if no attempt is included.
    """
    last = {path: attempt for attempt in attempts if attempt.state == "COMPLETED" for path in attempt.job_paths}
    in_scripts = in_slurm = 0.0
    for attempt in dict.fromkeys(last.values()):
        files = [benchmarks / f"{path}.tsv" for path in attempt.job_paths]
        is_last = all(last[path] is attempt for path in attempt.job_paths)
        if is_last and all(is_benchmark_of(attempt, file) for file in files):
            in_scripts += sum(float(read_benchmark(file)["s"]) for file in files)
            in_slurm += attempt.seconds
    return 1 - in_scripts / in_slurm if in_slurm else None


def is_benchmark_of(attempt: Attempt, file: Path) -> bool:
    """Whether a benchmark belongs to this attempt: Snakemake updates its time when it notices the end of the job."""
    return file.exists() and (attempt.began or 0) <= file.stat().st_mtime <= (attempt.ended or 0) + LATE
