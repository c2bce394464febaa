"""Predict the test examples of every target with the models of one arm, all seeds of a batch."""

import argparse
import json
from pathlib import Path

from codestilts.errors import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--encoder", type=Path, required=True, help="folder of the tokenizer, and of the weights if no phase 2"
    )
    parser.add_argument("--parent", type=Path, help="folder of phase 2 with {seed}/; left out where there was none")
    parser.add_argument("--models", type=Path, required=True, help="folder with {target}/{seeds}/{seed}/")
    parser.add_argument("--examples", type=Path, nargs="+", required=True, help="one table a target, named after it")
    parser.add_argument("--settings", type=json.loads, required=True, help="resolved settings, JSON")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder that gets {target}/{seeds}.parquet and {seeds}.run.json"
    )
    parser.add_argument("--seeds", required=True, help="name of the batch of seeds, such as 0-2")
    args = parser.parse_args()

    from codestilts.jobs import predict_batch

    out = {path.stem: args.out / path.stem / f"{args.seeds}.parquet" for path in args.examples}
    record = args.out / f"{args.seeds}.run.json"
    predict_batch(args.encoder, args.parent, args.models, args.examples, args.settings, out, record)


if __name__ == "__main__":
    run(main)
