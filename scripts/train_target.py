"""Phase 3: fine-tune one arm's encoders on a target, all seeds of a batch, and predict its test examples."""

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
    parser.add_argument("--checkpoints", type=Path, help="where an unfinished run waits to go on")
    parser.add_argument(
        "--trials", type=Path, help="trials of learning rates to choose from; left out where the rate is given"
    )
    parser.add_argument("--predictions", type=Path, required=True, help="the test rows' predictions (parquet), written")
    parser.add_argument("--out", type=Path, required=True, help="folder that gets {seed}/ for every seed")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs to compute on; without them an error (0: the CPU)")
    args = parser.parse_args()

    from codestilts.training.seed_jobs import train_batch

    files = (args.out, args.checkpoints, args.predictions, args.trials)
    train_batch(args.encoder, args.parent, [args.examples], args.settings, *files, gpus=args.gpus)


if __name__ == "__main__":
    run(main)
