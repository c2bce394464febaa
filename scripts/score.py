"""Score predictions: sums of every target's metric per cluster."""

import argparse
import json

import pandas as pd

from codestilts.errors import run
from codestilts.provenance import atomic
from codestilts.scoring import cluster_sums, concatenate


def main() -> None:
    """Read prediction files, write one table of sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", nargs="+", required=True, help="prediction files (parquet) of any targets")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON: targets (name -> metric, group)")
    parser.add_argument("--out", required=True, help="the table of sums (parquet)")
    arguments = parser.parse_args()
    sums = []
    for path in arguments.predictions:
        for target, rows in pd.read_parquet(path).groupby("target", sort=True):
            sums.append(cluster_sums(rows, arguments.settings["targets"][target]["metric"]))
    with atomic(arguments.out) as temporary:
        concatenate(sums).to_parquet(temporary, index=False)


if __name__ == "__main__":
    run(main)
