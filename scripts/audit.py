"""Audit leakage: examples of all tasks -> audit.csv; exit 1 if what is tested is trained on."""

import argparse
from pathlib import Path

import pandas as pd

from codestilts.csv_tables import write_csv
from codestilts.errors import CodeStiltsError, run
from codestilts.evaluation.leakage import audit, findings, violations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--training", type=Path, nargs="*", default=[], help="examples of intermediate tasks")
    parser.add_argument("--targets", type=Path, nargs="+", required=True, help="examples of targets")
    parser.add_argument("--only-report", action="store_true", help="a rehearsal, whose rows may stand in for others")
    parser.add_argument("--out", type=Path, required=True, help="CSV: a row per training task and target")
    arguments = parser.parse_args()
    targets = {path.stem: pd.read_parquet(path) for path in sorted(arguments.targets)}
    training = {path.stem: pd.read_parquet(path) for path in sorted(arguments.training)} | targets
    table = audit(training, targets)
    write_csv(table, arguments.out)
    if (found := violations(table)) and not arguments.only_report:
        raise CodeStiltsError(f"leakage: {found[0]} ({len(found)} in all, see {arguments.out})")
    for line in findings(table, "train"):
        print(line)
    for line in findings(table, "dev"):
        print(f"dev and test sets: {line}")
    print(
        f"{len(findings(table, 'train'))} of {(table['split'] == 'train').sum()} training and test sets share anything"
    )


if __name__ == "__main__":
    run(main)
