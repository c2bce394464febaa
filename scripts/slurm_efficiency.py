"""Ask Slurm what it gave the jobs of a study and what they used of it."""

import argparse
import json
import subprocess
from pathlib import Path

from codestilts.csv_tables import write_csv
from codestilts.errors import run
from codestilts.workflow.slurm_accounting import Attempt, attempts
from codestilts.workflow.slurm_efficiency import efficiency
from codestilts.workflow.snakemake_logs import read_logs


def main() -> None:
    """Find the jobs in Snakemake's logs, write one row a rule; only a header where Slurm ran nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=Path, required=True, help="folder of Snakemake's own logs")
    parser.add_argument("--study", required=True, help="the study's name")
    parser.add_argument("--gpus", type=json.loads, required=True, help="JSON: the GPUs of a job, by encoder")
    parser.add_argument("--benchmarks", type=Path, required=True, help="folder of the study's benchmark files")
    parser.add_argument("--out", required=True, help="table (CSV), written")
    arguments = parser.parse_args()
    found = list[Attempt]()
    try:
        found = attempts(read_logs(arguments.logs, arguments.study), arguments.gpus, usage=True)
    except (OSError, subprocess.CalledProcessError) as error:  # a page without it is better than no page
        print(f"Slurm's accounting does not answer: {getattr(error, 'stderr', '') or error}")
    table = efficiency(found, arguments.benchmarks)
    write_csv(table, arguments.out, float_format="%.4g")
    print(f"{len(found):,} jobs in Slurm")


if __name__ == "__main__":
    run(main)
