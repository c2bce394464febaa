"""Compare arms: tidy scores, effects, contrasts, checks of targets and counts, with intervals."""

import argparse
import json

import pandas as pd

from codestilts.csv_tables import read_csv, write_csv
from codestilts.errors import run
from codestilts.evaluation.scoring import encoders_in, sums_of, tidy_files
from codestilts.evaluation.statistics.bootstrap import resample
from codestilts.evaluation.statistics.contrasts import contrasts, counts, effects, target_checks
from codestilts.evaluation.statistics.design import design_of

TABLES = {"effects": effects, "contrasts": contrasts, "target_checks": target_checks, "counts": counts}


def main() -> None:
    """Read sums, write one CSV a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sums", nargs="+", required=True, help="tables of sums (parquet), of arms and baselines")
    parser.add_argument("--languages", required=True, help="the language table (CSV)")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON: the study's facts and statistics")
    for name in ("scores", *TABLES):
        parser.add_argument(f"--{name.replace('_', '-')}", required=True, help=f"{name} (CSV), written")
    arguments = parser.parse_args()
    facts = arguments.settings
    write(tidy_files(arguments.sums, facts), arguments.scores)
    languages = read_csv(arguments.languages)
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for encoder in encoders_in(arguments.sums):
        seeds, tables = sums_of(arguments.sums, encoder, facts)
        cells = resample(tables, facts["resamples"], facts.get("seed", 0), seeds)
        design = design_of(facts, languages, encoder)
        for name, ask in TABLES.items():
            found[name].append(ask(cells, design).assign(encoder=encoder))
    for name, parts in found.items():
        table = pd.concat(parts, ignore_index=True)
        write(table[["encoder", *table.columns.drop("encoder")]], getattr(arguments, name))


def write(table: pd.DataFrame, path: str) -> None:
    """Write a CSV with six decimals, so that the last bits of sums do not depend on the machine's threads."""
    write_csv(table, path, float_format="%.6f")


if __name__ == "__main__":
    run(main)
