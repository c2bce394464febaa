"""Compare arms: write the tables of scores, effects, contrasts, target checks and counts."""

import argparse

from codestilts.config.analysis_settings import ComparisonSettings
from codestilts.csv_tables import read_csv, write_csv
from codestilts.errors import run
from codestilts.evaluation.comparison import TABLES, compare
from codestilts.evaluation.leakage import with_leaks
from codestilts.evaluation.scoring import read_values
from codestilts.options import add_settings, whole_number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--values", nargs="+", required=True, help="tables of values (parquet) of arms and baselines")
    parser.add_argument("--sums", nargs="+", required=True, help="their tables of sums (parquet)")
    parser.add_argument("--languages", required=True, help="similarity table (CSV)")
    add_settings(parser, ComparisonSettings)
    parser.add_argument("--audit", help="leakage audit (CSV): pairs of an arm and a target that it flags")
    parser.add_argument(
        "--processes", type=whole_number("--processes", 1), default=1, help="encoders that are compared at a time"
    )
    for name in TABLES:
        parser.add_argument(f"--{name.replace('_', '-')}", required=True, help=f"{name} (CSV), written")
    arguments = parser.parse_args()
    values, languages = read_values(arguments.values), read_csv(arguments.languages)
    settings = with_leaks(arguments.settings, read_csv(arguments.audit)) if arguments.audit else arguments.settings
    tables = compare(values, arguments.sums, languages, settings, arguments.processes)
    for name, table in tables.items():
        # Six decimals: the last bits of sums depend on the number of threads.
        write_csv(table, getattr(arguments, name), float_format="%.6f")


if __name__ == "__main__":
    run(main)
