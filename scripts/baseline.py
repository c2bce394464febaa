"""Predict a target with its trivial baselines."""

import argparse
import json

import pandas as pd

from codestilts.errors import run
from codestilts.evaluation.baselines import baseline_predictions
from codestilts.provenance import atomic


def main() -> None:
    """Read a target's examples, write the predictions of its baselines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", required=True, help="examples of the target (parquet)")
    parser.add_argument("--target", required=True, help="the target's name")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON: targets (name -> type, options)")
    parser.add_argument("--out", required=True, help="predictions (parquet)")
    arguments = parser.parse_args()
    examples = pd.read_parquet(arguments.examples)
    task = arguments.settings["targets"][arguments.target]
    with atomic(arguments.out) as temporary:
        baseline_predictions(examples, arguments.target, task).to_parquet(temporary, index=False)


if __name__ == "__main__":
    run(main)
