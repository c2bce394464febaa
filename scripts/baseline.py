"""Predict a target with its trivial baselines."""

import argparse

from codestilts.config.preparation_settings import BaselineSettings
from codestilts.errors import run
from codestilts.evaluation.baselines import baseline_predictions
from codestilts.job_files import read_parquet
from codestilts.options import add_settings, new_file
from codestilts.provenance import atomic


def main() -> None:
    """Read a target's examples, write the predictions of its baselines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", required=True, help="examples of the target (parquet)")
    parser.add_argument("--target", required=True, help="the target's name")
    add_settings(parser, BaselineSettings)
    parser.add_argument("--out", type=new_file, required=True, help="predictions (parquet)")
    arguments = parser.parse_args()
    examples = read_parquet(arguments.examples)
    with atomic(arguments.out) as temporary:
        baseline_predictions(examples, arguments.target, arguments.settings).to_parquet(temporary, index=False)


if __name__ == "__main__":
    run(main)
