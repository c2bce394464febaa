"""Compare what Slurm allocated to the jobs of a study with what they used."""

import argparse
import subprocess
from pathlib import Path

from codestilts.csv_tables import write_csv
from codestilts.errors import CodeStiltsError, run
from codestilts.options import from_json, new_file
from codestilts.workflow.slurm_accounting import Attempt, read_attempts
from codestilts.workflow.slurm_efficiency import efficiency
from codestilts.workflow.snakemake_logs import read_logs


def main() -> None:
    """Find the jobs in Snakemake's logs and write one row per rule; only a header if Slurm ran nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=Path, required=True, help="folder of Snakemake's own logs")
    parser.add_argument("--study", required=True, help="name of the study")
    parser.add_argument(
        "--gpus", type=from_json("--gpus", dict[str, int]), required=True, help="JSON: GPUs of a job, by encoder"
    )
    parser.add_argument("--benchmarks", type=Path, required=True, help="folder of the study's benchmark files")
    parser.add_argument("--out", type=new_file, required=True, help="table (CSV) to write")
    arguments = parser.parse_args()
    for folder in (arguments.logs, arguments.benchmarks):
        if not folder.is_dir():
            raise CodeStiltsError(f"{folder}: no such folder: run the study first, or name its folder")
    attempts = list[Attempt]()
    try:
        attempts = read_attempts(read_logs(arguments.logs, arguments.study), arguments.gpus, usage=True)
    except (OSError, subprocess.CalledProcessError) as error:  # the report is useful without this table
        print(f"Slurm's accounting does not answer: {getattr(error, 'stderr', '') or error}")
    write_csv(efficiency(attempts, arguments.benchmarks), arguments.out, float_format="%.4g")
    print(f"{len(attempts):,} jobs in Slurm")


if __name__ == "__main__":
    run(main)
