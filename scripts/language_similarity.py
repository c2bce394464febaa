"""Measure how near the study's programming languages are to the source language, on their own functions."""

import argparse
import json
from pathlib import Path

import pandas as pd

from codestilts.csv_tables import write_csv
from codestilts.errors import run
from codestilts.evaluation.language_similarity import language_table, profile, similarity


def main() -> None:
    """Read functions, write the language table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", nargs="*", default=[], help="functions of each language (parquet)")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON: source_language, seen")
    parser.add_argument("--out", required=True, help="the language table (CSV)")
    arguments = parser.parse_args()
    facts, profiles, sizes = arguments.settings, {}, {}
    for path in map(Path, arguments.functions):
        tokens = pd.read_parquet(path, columns=["tokens"])["tokens"]
        profiles[path.stem], sizes[path.stem] = profile(tokens), len(tokens)
    table = language_table(similarity(profiles, sizes), facts["source_language"], facts["seen"], sizes)
    write_csv(table, arguments.out, float_format="%.6f")


if __name__ == "__main__":
    run(main)
