"""Try learning rates: fine-tune the first seed of an arm on a target once with each, and note the dev metric."""

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
    parser.add_argument("--examples", type=Path, required=True, help="the target's table, named after it")
    parser.add_argument("--settings", type=json.loads, required=True, help="resolved settings, JSON")
    parser.add_argument("--out", type=Path, required=True, help="the list of the trials (JSON), written")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs to compute on; without them an error (0: the CPU)")
    args = parser.parse_args()

    from codestilts.training.seed_jobs import try_rates

    try_rates(args.encoder, args.parent, args.examples, args.settings, args.out, args.gpus)


if __name__ == "__main__":
    run(main)
