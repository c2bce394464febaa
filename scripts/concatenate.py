"""Concatenate CSV tables with the same columns, in the order of the arguments."""

import argparse
from pathlib import Path

from codestilts.csv_tables import concatenate_csv
from codestilts.errors import run
from codestilts.options import new_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="+", type=Path, required=True, help="CSV files with the same header")
    parser.add_argument("--out", type=new_file, required=True, help="CSV, written")
    arguments = parser.parse_args()
    concatenate_csv(arguments.tables, arguments.out)


if __name__ == "__main__":
    run(main)
