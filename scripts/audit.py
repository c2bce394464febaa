"""Audit leakage between training and test sets, and compare the intermediate tasks of each form.

The script fails if test examples are also training examples.
"""

import argparse
from pathlib import Path

import numpy as np

from codestilts.csv_tables import write_csv
from codestilts.errors import CodeStiltsError, run
from codestilts.evaluation.leakage import audit, summary, violations
from codestilts.evaluation.matched_tasks import matched_tasks
from codestilts.files import read_yaml
from codestilts.job_files import read_json, read_parquet
from codestilts.options import new_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--training", type=Path, nargs="*", default=[], help="examples of intermediate tasks (parquet)")
    parser.add_argument("--targets", type=Path, nargs="+", required=True, help="examples of targets (parquet)")
    parser.add_argument("--text-clusters", type=Path, required=True, help="text_clusters.parquet")
    parser.add_argument(
        "--encoded", type=Path, nargs="*", default=[], help="encoded tasks: they say which examples are left out"
    )
    parser.add_argument("--only-report", action="store_true", help="do not fail: rehearsals reuse rows across splits")
    parser.add_argument("--tasks", type=Path, nargs="*", default=[], help="task files of the intermediate tasks (YAML)")
    parser.add_argument(
        "--matched", type=new_file, help="table of intermediate tasks by form and domain (CSV), written"
    )
    parser.add_argument("--out", type=new_file, required=True, help="audit table (CSV), written")
    arguments = parser.parse_args()
    targets = {path.stem: path for path in sorted(arguments.targets)}
    training = {path.stem: path for path in sorted(arguments.training)}
    records = {folder.name: read_json(folder / "encoded.json") for folder in arguments.encoded}
    left_out = {task: np.array(record["left_out"], dtype=np.int64) for task, record in records.items()}
    table = audit(training | targets, targets, read_parquet(arguments.text_clusters), left_out)
    if arguments.matched:
        tables = {name: read_parquet(path) for name, path in training.items()}
        write_csv(matched_tasks({path.stem: read_yaml(path) for path in arguments.tasks}, tables), arguments.matched)
    write_csv(table, arguments.out)
    if (problems := violations(table)) and not arguments.only_report:
        raise CodeStiltsError(f"leakage: {problems[0]} ({len(problems)} problems in total, see {arguments.out})")
    print("\n".join(summary(table)))


if __name__ == "__main__":
    run(main)
