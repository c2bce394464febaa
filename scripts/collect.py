"""Gather the records and learning curves of all training runs."""

import argparse
from pathlib import Path

from codestilts.errors import run
from codestilts.provenance import atomic
from codestilts.records import curves_table, runs_table


def main() -> None:
    """Read run.json and curve.csv of every model folder, write two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", nargs="+", type=Path, required=True, help="run.json of every model")
    parser.add_argument("--table", required=True, help="the table of runs (CSV), written")
    parser.add_argument("--curves", required=True, help="the table of curves (CSV), written")
    arguments = parser.parse_args()
    with atomic(arguments.table) as temporary:
        runs_table(arguments.runs).to_csv(temporary, index=False)
    with atomic(arguments.curves) as temporary:
        curves_table(arguments.runs).to_csv(temporary, index=False, float_format="%.6g")


if __name__ == "__main__":
    run(main)
