"""Measure how similar the study's programming languages are to the source language, on their functions."""

import argparse
from pathlib import Path

from codestilts.config.analysis_settings import SimilaritySettings
from codestilts.csv_tables import write_csv
from codestilts.errors import run
from codestilts.evaluation.language_similarity import similarity_table
from codestilts.job_files import read_parquet
from codestilts.options import add_settings, new_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", nargs="*", type=Path, default=[], help="functions of each language (parquet)")
    add_settings(parser, SimilaritySettings)
    parser.add_argument("--out", type=new_file, required=True, help="similarity table (CSV), written")
    arguments = parser.parse_args()
    functions = ((path.stem, read_parquet(path, columns=["tokens"])["tokens"]) for path in arguments.functions)
    write_csv(similarity_table(functions, arguments.settings), arguments.out, float_format="%.6f")


if __name__ == "__main__":
    run(main)
