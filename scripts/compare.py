"""Compare arms: write the tables of scores, effects, contrasts, target checks and counts."""

import argparse

import pandas as pd
from pydantic import TypeAdapter

from codestilts.config.analysis_settings import ComparisonSettings
from codestilts.csv_tables import read_csv, write_csv
from codestilts.errors import run
from codestilts.evaluation.comparison import TABLES, compare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--values", nargs="+", required=True, help="tables of values (parquet) of arms and baselines")
    parser.add_argument("--sums", nargs="+", required=True, help="their tables of sums (parquet)")
    parser.add_argument("--languages", required=True, help="similarity table (CSV)")
    parser.add_argument(
        "--settings",
        type=TypeAdapter(ComparisonSettings).validate_json,
        required=True,
        help="JSON of ComparisonSettings",
    )
    for name in TABLES:
        parser.add_argument(f"--{name.replace('_', '-')}", required=True, help=f"{name} (CSV), written")
    arguments = parser.parse_args()
    values = pd.concat(map(pd.read_parquet, arguments.values), ignore_index=True)
    tables = compare(values, arguments.sums, read_csv(arguments.languages), arguments.settings)
    for name, table in tables.items():
        # Six decimals: the last bits of sums depend on the number of threads.
        write_csv(table, getattr(arguments, name), float_format="%.6f")


if __name__ == "__main__":
    run(main)
