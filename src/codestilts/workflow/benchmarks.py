"""What each stage of a study took, from the benchmark files that the workflow keeps (standard library only)."""

import csv
from pathlib import Path
from typing import Any

STAGES = {
    "fetch": "fetch sources",
    "import_encoder": "import encoders",
    "extract": "extract functions",
    "near_duplicates": "find near duplicates",
    "build": "build examples",
    "intermediate": "intermediate training",
    "tuning": "try learning rates",
    "target": "target training and predictions",
    "frozen_retrieval": "predict untrained targets",
    "baseline": "trivial baselines",
    "score": "score",
    "language_similarity": "similarity of languages",
    "audit": "leakage audit",
    "collect": "gather records",
    "concatenate": "join tables",
    "sample_predictions": "sample predictions",
    "compare": "statistics",
    "notebooks": "figures and tables",
    "slurm_efficiency": "read the accounting",
    "report": "page",
}


def benchmark(path: Path) -> dict[str, str]:
    """What a job took, as Snakemake measured it."""
    with path.open(encoding="utf-8") as lines:
        return next(csv.DictReader(lines, delimiter="\t"))


def stage_rows(benchmarks: Path) -> list[dict[str, Any]]:
    """Per stage: jobs, seconds of all jobs, seconds of the longest and peak memory (MB) of the largest job."""
    jobs: dict[str, list[dict[str, str]]] = {stage: [] for stage in STAGES}
    for path in sorted(benchmarks.rglob("*.tsv")):
        stage = path.relative_to(benchmarks).with_suffix("").parts[0]
        jobs.setdefault(stage, []).append(benchmark(path))
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
