"""Time and memory of each stage of a study, from the benchmark files that Snakemake 9.27.1 writes. Light."""

import csv
from pathlib import Path
from typing import Any

# What a stage does, by the first folder of its job paths.
STAGES = {
    "fetch": "fetch sources",
    "import_encoder": "import encoders",
    "extract": "extract functions",
    "near_duplicates": "find near-duplicates",
    "build": "build examples",
    "text_clusters": "find near-duplicate texts",
    "encode": "encode examples",
    "doses": "trials of the intermediate learning rate",
    "intermediate": "intermediate training",
    "tuning": "learning-rate trials",
    "target": "target training and predictions",
    "frozen_retrieval": "frozen retrieval on untrained targets",
    "baseline": "trivial baselines",
    "score": "scores",
    "language_similarity": "language similarity",
    "audit": "leakage audit",
    "collect": "collect records",
    "concatenate": "concatenate tables",
    "sample_predictions": "sample predictions",
    "browse_predictions": "predictions to browse",
    "claim": "claims",
    "claims": "table of claims",
    "compare": "statistics",
    "notebooks": "figures and tables",
    "slurm_efficiency": "job accounting",
    "report": "report",
}


def read_benchmark(path: Path) -> dict[str, str]:
    """The measurements of a job: ``s`` (seconds), ``max_rss`` (MB) and more."""
    with path.open(encoding="utf-8") as lines:
        return next(csv.DictReader(lines, delimiter="\t"))


def stage_times(benchmarks: Path) -> list[dict[str, Any]]:
    """Measurements of each stage that has run.

    Returns:
        Rows with ``stage``, ``jobs``, ``seconds`` of all jobs, ``longest`` (seconds of one job) and ``memory`` (MB of
        the largest job; None where Snakemake could not measure it, because the jobs were too short).
    """
    jobs: dict[str, list[dict[str, str]]] = {stage: [] for stage in STAGES}
    for path in sorted(benchmarks.rglob("*.tsv")):
        stage = path.relative_to(benchmarks).with_suffix("").parts[0]
        jobs.setdefault(stage, []).append(read_benchmark(path))
    return [
        {
            "stage": STAGES.get(stage, stage),
            "jobs": len(measured),
            "seconds": sum(float(job["s"]) for job in measured),
            "longest": max(float(job["s"]) for job in measured),
            "memory": max((float(job["max_rss"]) for job in measured if job["max_rss"][:1].isdigit()), default=None),
        }
        for stage, measured in jobs.items()
        if measured
    ]
