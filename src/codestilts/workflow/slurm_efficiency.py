"""What Slurm gave a study's jobs and what they used of it: one row a rule."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from codestilts.workflow.benchmarks import benchmark
from codestilts.workflow.slurm_accounting import Attempt

COLUMNS = ["rule", "jobs", "attempts", "failed", "hours", "gpu_hours", "queue_hours",
           "cpu_used", "memory_used", "time_used", "overhead"]  # fmt: skip
LATE = 300  # seconds until Snakemake has seen that a job has ended: it asks every three minutes at least


def efficiency(attempts: Iterable[Attempt], benchmarks: Path) -> pd.DataFrame:
    """All attempts that began and ended, by rule in the order of the first; no row where Slurm ran nothing.

    Shares are of what was asked: of CPU time by all attempts, of memory and run time by the one that used most of it.
    """
    by_rule: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        if attempt.began and attempt.ended:
            by_rule.setdefault(label(attempt), []).append(attempt)
    rows = [row(rule, own, benchmarks) for rule, own in by_rule.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def label(attempt: Attempt) -> str:
    """The rule of a job, or the name of a group, after which Snakemake puts the rules that are in it."""
    if attempt.job.kind == "rule":
        return attempt.job.name
    return attempt.job.name.partition("_")[0] + " (grouped)"


def row(rule: str, attempts: list[Attempt], benchmarks: Path) -> dict[str, object]:
    """The row of one rule."""
    asked = sum(each.cpu_seconds for each in attempts)
    memory = [each.used_memory / each.memory for each in attempts if each.used_memory and each.memory]
    return {
        "rule": rule,
        "jobs": len({name for each in attempts for name in each.job_paths}),
        "attempts": len(attempts),
        "failed": sum(each.failed for each in attempts),
        "hours": sum(each.seconds for each in attempts) / 3600,
        "gpu_hours": sum(each.seconds * each.gpus for each in attempts) / 3600,
        "queue_hours": sum((each.began or 0) - (each.submitted or 0) for each in attempts) / 3600,
        "cpu_used": sum(each.used_cpu_seconds for each in attempts) / asked if asked else None,
        "memory_used": max(memory, default=None),
        "time_used": max((each.seconds / each.limit for each in attempts if each.limit), default=None),
        "overhead": overhead(attempts, benchmarks),
    }


def overhead(attempts: Iterable[Attempt], benchmarks: Path) -> float | None:
    """The share of the jobs' time in which no script ran yet, or no more: 1 - benchmarks / Slurm's time.

    A benchmark is that of a job's last success, so earlier attempts don't count. Jobs of a group run one after the
    other; a group counts if all of them have benchmarks.
    """
    last = {name: one for one in attempts if one.state == "COMPLETED" for name in one.job_paths}
    worked = taken = 0.0
    for one in dict.fromkeys(last.values()):
        own = [benchmarks / f"{name}.tsv" for name in one.job_paths]
        if all(last[name] is one for name in one.job_paths) and all(is_of(one, path) for path in own):
            worked += sum(float(benchmark(path)["s"]) for path in own)
            taken += one.seconds
    return 1 - worked / taken if taken else None


def is_of(attempt: Attempt, path: Path) -> bool:
    """Whether a benchmark is of this attempt: Snakemake dates it anew when it sees that the job has ended."""
    return path.exists() and (attempt.began or 0) <= path.stat().st_mtime <= (attempt.ended or 0) + LATE
