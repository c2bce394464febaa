"""Score predictions: sum the metrics of each target per unit."""

import argparse
from pathlib import Path

from pydantic import TypeAdapter

from codestilts.config.analysis_settings import ScoreSettings
from codestilts.errors import run
from codestilts.evaluation.scoring import score
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
    parser.add_argument(
        "--settings", type=TypeAdapter(ScoreSettings).validate_json, required=True, help="JSON of ScoreSettings"
    )
    parser.add_argument("--out", required=True, help="table of sums (parquet), written")
    arguments = parser.parse_args()
    with atomic(arguments.out) as temporary:
        score(parquet_files(arguments.predictions), arguments.settings).to_parquet(temporary, index=False)


if __name__ == "__main__":
    run(main)
