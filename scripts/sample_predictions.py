"""Draw a few test examples with the predictions of some arms, for the report."""

import argparse
from pathlib import Path

import pandas as pd

from codestilts.config.analysis_settings import SamplePredictionsSettings
from codestilts.csv_tables import write_csv
from codestilts.errors import run
from codestilts.job_files import read_parquet
from codestilts.options import add_settings, new_file
from codestilts.provenance import parquet_files
from codestilts.reporting.sample_predictions import sample_predictions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", nargs="+", type=Path, required=True, help="examples of each target (parquet)")
    parser.add_argument(
        "--predictions",
        nargs="+",
        type=Path,
        required=True,
        help="predictions of the arms to show (parquet), or folders of them",
    )
    add_settings(parser, SamplePredictionsSettings)
    parser.add_argument("--out", type=new_file, required=True, help="table of sample predictions (CSV), written")
    arguments = parser.parse_args()
    predictions = pd.concat([read_parquet(path) for path in parquet_files(arguments.predictions)])
    write_csv(sample_predictions(arguments.examples, predictions, arguments.settings), arguments.out)


if __name__ == "__main__":
    run(main)
