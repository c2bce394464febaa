"""Draw test examples of each target and language with the predictions of all arms, for the report."""

import argparse
from pathlib import Path

from codestilts.config.analysis_settings import SamplePredictionsSettings
from codestilts.errors import run
from codestilts.options import add_settings, new_file
from codestilts.provenance import atomic, parquet_files
from codestilts.reporting.prediction_browser import browsed_predictions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", nargs="+", type=Path, required=True, help="examples of each target (parquet)")
    parser.add_argument(
        "--predictions",
        nargs="+",
        type=Path,
        required=True,
        help="predictions of all arms (parquet), or folders of them",
    )
    add_settings(parser, SamplePredictionsSettings)
    parser.add_argument("--out", type=new_file, required=True, help="predictions to browse (parquet), written")
    arguments = parser.parse_args()
    table = browsed_predictions(arguments.examples, parquet_files(arguments.predictions), arguments.settings)
    with atomic(arguments.out) as temporary:
        table.to_parquet(temporary, index=False)


if __name__ == "__main__":
    run(main)
