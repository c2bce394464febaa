"""Score predictions: sums of every target's metric, and of those beside it, per unit."""

import argparse
import json

import pandas as pd

from codestilts.errors import run
from codestilts.evaluation.metrics.registry import shown
from codestilts.evaluation.scoring import concatenate, unit_sums
from codestilts.provenance import atomic


def main() -> None:
    """Read prediction files, write one table of sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", nargs="+", required=True, help="prediction files (parquet) of any targets")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON: targets (name -> metric, labels)")
    parser.add_argument("--out", required=True, help="the table of sums (parquet)")
    arguments = parser.parse_args()
    sums = []
    for path in arguments.predictions:
        for target, rows in pd.read_parquet(path).groupby("target", sort=True):
            task = arguments.settings["targets"][target]
            sums += [unit_sums(rows, metric, task.get("labels") or ()) for metric in shown(task["metric"])]
    with atomic(arguments.out) as temporary:
        concatenate(sums).to_parquet(temporary, index=False)


if __name__ == "__main__":
    run(main)
