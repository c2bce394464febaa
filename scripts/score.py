"""Score predictions: sum the metrics of each target per unit."""

import argparse
from pathlib import Path

from codestilts.config.analysis_settings import ScoreSettings
from codestilts.errors import run
from codestilts.evaluation.scoring import score
from codestilts.options import add_settings, new_file
from codestilts.provenance import atomic, parquet_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--predictions",
        nargs="+",
        type=Path,
        required=True,
        help="predictions of any targets (parquet), or folders of them",
    )
    add_settings(parser, ScoreSettings)
    parser.add_argument("--values", type=new_file, required=True, help="table of values (parquet), written")
    parser.add_argument(
        "--sums", type=new_file, required=True, help="table of the sums that effects need (parquet), written"
    )
    arguments = parser.parse_args()
    with atomic(arguments.sums) as sums, atomic(arguments.values) as values:
        predictions = [str(path) for path in parquet_files(arguments.predictions)]
        score(predictions, arguments.settings, sums).to_parquet(values, index=False)


if __name__ == "__main__":
    run(main)
