"""Compare source languages: write the scores and effects of targets that are trained in several languages."""

import argparse
from pathlib import Path

from codestilts.config.analysis_settings import SourceLanguageSettings
from codestilts.csv_tables import read_csv, write_csv
from codestilts.errors import run
from codestilts.evaluation.language_similarity import profile, similarity
from codestilts.evaluation.scoring import read_values
from codestilts.evaluation.source_languages import source_language_table
from codestilts.job_files import read_parquet
from codestilts.options import add_settings, new_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--values", nargs="+", required=True, help="tables of values (parquet) of arms")
    parser.add_argument("--sums", nargs="+", required=True, help="their tables of sums (parquet)")
    parser.add_argument("--languages", required=True, help="similarity table (CSV)")
    parser.add_argument("--functions", nargs="*", type=Path, default=[], help="functions of each language (parquet)")
    parser.add_argument("--examples", nargs="+", type=Path, required=True, help="examples of targets and their twins")
    add_settings(parser, SourceLanguageSettings)
    parser.add_argument("--out", type=new_file, required=True, help="CSV, written")
    arguments = parser.parse_args()
    tokens = {path.stem: read_parquet(path, columns=["tokens"])["tokens"] for path in arguments.functions}
    similarities = similarity(
        {name: profile(functions) for name, functions in tokens.items()},
        {name: len(functions) for name, functions in tokens.items()},
    )
    splits = {path.stem: read_parquet(path, columns=["split"])["split"] for path in arguments.examples}
    table = source_language_table(
        read_values(arguments.values),
        arguments.sums,
        read_csv(arguments.languages),
        similarities,
        {name: int((split == "train").sum()) for name, split in splits.items()},
        arguments.settings,
    )
    write_csv(table, arguments.out, float_format="%.6f")


if __name__ == "__main__":
    run(main)
