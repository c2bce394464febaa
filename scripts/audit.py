"""Audit leakage: examples of all tasks -> audit.csv; exit 1 if anything tested is also trained on."""

import argparse
from pathlib import Path

import pandas as pd

from codestilts.errors import CodeStiltsError, run
from codestilts.leakage import audit, violations
from codestilts.provenance import atomic


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
    with atomic(arguments.out) as path:
        table.to_csv(path, index=False)
    if (found := violations(table)) and not arguments.only_report:
        raise CodeStiltsError(f"leakage: {found[0]} ({len(found)} in all, see {arguments.out})")
    near = table["near_copies"].max()
    shared = f"share {len(found)} functions or clusters" if found else "share no function and no cluster"
    print(f"{len(table)} pairs of tasks {shared}; near copies at most {near:.2%}")


if __name__ == "__main__":
    run(main)
