"""Predict the untrained targets with the encoders of one arm, all seeds of a batch, without training on a target."""

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
    parser.add_argument("--examples", type=Path, nargs="*", default=[], help="one table a target, named after it")
    parser.add_argument("--settings", type=json.loads, required=True, help="resolved settings, JSON")
    parser.add_argument("--predictions", type=Path, nargs="*", default=[], help="one table an example table, written")
    parser.add_argument("--record", type=Path, required=True, help="what the predictions follow from (JSON), written")
    parser.add_argument("--sweep", type=Path, required=True, help="the layer sweep (CSV), written")
    parser.add_argument("--gpus", type=int, default=0, choices=[0, 1], help="0: on the CPU; 1: on a GPU, or an error")
    args = parser.parse_args()

    from codestilts.training.devices import claimed
    from codestilts.training.frozen_retrieval import probe_batch

    out = {path.stem: file for path, file in zip(args.examples, args.predictions, strict=True)}
    files = (args.encoder, args.parent, args.examples, args.settings, out, args.record, args.sweep)
    with claimed(args.gpus) as (device,):
        probe_batch(*files, device)


if __name__ == "__main__":
    run(main)
