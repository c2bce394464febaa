"""Collect the run records, learning curves and layer sweeps of one encoder-arm pair."""

import argparse
from pathlib import Path

from codestilts.csv_tables import read_csv, write_csv
from codestilts.errors import run
from codestilts.options import new_file
from codestilts.reporting.run_records import curves_table, layers_table, runs_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", nargs="*", type=Path, default=[], help="run.json of every model")
    parser.add_argument("--retrieval", nargs="*", type=Path, default=[], help="folders with a layers.csv")
    parser.add_argument("--table", type=new_file, required=True, help="table of runs (CSV), written")
    parser.add_argument("--curves", type=new_file, required=True, help="table of learning curves (CSV), written")
    parser.add_argument("--layers", type=new_file, required=True, help="table of all layer sweeps (CSV), written")
    arguments = parser.parse_args()
    write_csv(runs_table(arguments.runs), arguments.table)
    write_csv(curves_table(arguments.runs), arguments.curves, float_format="%.6g")
    write_csv(
        layers_table(read_csv(folder / "layers.csv") for folder in arguments.retrieval),
        arguments.layers,
        float_format="%.6f",
    )


if __name__ == "__main__":
    run(main)
