"""Audit leakage between training and test sets; exit with an error if test examples are trained on."""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from codestilts.csv_tables import write_csv
from codestilts.errors import CodeStiltsError, run
from codestilts.evaluation.leakage import audit, summary, violations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--training", type=Path, nargs="*", default=[], help="examples of intermediate tasks (parquet)")
    parser.add_argument("--targets", type=Path, nargs="+", required=True, help="examples of targets (parquet)")
    parser.add_argument("--clusters", type=Path, required=True, help="text_clusters.parquet")
    parser.add_argument(
        "--encoded", type=Path, nargs="*", default=[], help="encoded tasks: they say which examples are left out"
    )
    parser.add_argument("--only-report", action="store_true", help="do not fail: rehearsals reuse rows across splits")
    parser.add_argument("--out", type=Path, required=True, help="audit table (CSV), written")
    arguments = parser.parse_args()
    targets = {path.stem: path for path in sorted(arguments.targets)}
    training = {path.stem: path for path in sorted(arguments.training)}
    records = {folder.name: json.loads((folder / "encoded.json").read_text()) for folder in arguments.encoded}
    left_out = {task: np.array(record["left_out"], dtype=np.int64) for task, record in records.items()}
    table = audit(training | targets, targets, pd.read_parquet(arguments.clusters), left_out)
    write_csv(table, arguments.out)
    if (problems := violations(table)) and not arguments.only_report:
        raise CodeStiltsError(f"leakage: {problems[0]} ({len(problems)} problems in total, see {arguments.out})")
    print("\n".join(summary(table)))


if __name__ == "__main__":
    run(main)
