"""Print what each stage of a study took so far: jobs, time, memory of its largest job."""

import argparse
import csv
from pathlib import Path

from codestilts.errors import run

ORDER = ["fetch", "encoder", "extract", "cluster", "build", "intermediate", "target", "predict", "baseline", "score"]


def main() -> None:
    """Read the benchmark files that Snakemake wrote and print one line a stage, as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--benchmarks", type=Path, required=True, help="folder of a study's benchmark files")
    folder: Path = parser.parse_args().benchmarks
    stages: dict[str, list[dict[str, str]]] = {name: [] for name in ORDER}
    for path in sorted(folder.rglob("*.tsv")):
        with path.open() as lines:
            stage = path.relative_to(folder).with_suffix("").parts[0]
            stages.setdefault(stage, []).extend(csv.DictReader(lines, delimiter="\t"))
    print("| stage | jobs | minutes in all | longest job (s) | largest job (MB) |\n|---|---:|---:|---:|---:|")
    for stage, jobs in stages.items():
        if jobs:
            seconds = [float(job["s"]) for job in jobs]
            memory = max((float(job["max_rss"]) for job in jobs if job["max_rss"] not in ("-", "NA")), default=0)
            print(f"| {stage} | {len(jobs)} | {sum(seconds) / 60:.1f} | {max(seconds):.0f} | {memory:.0f} |")


if __name__ == "__main__":
    run(main)
