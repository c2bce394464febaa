"""Phase 2: train an arm's intermediate tasks, one model a seed."""

import argparse
import json
from pathlib import Path

from codestilts.errors import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, required=True, help="encoder folder: weights and tokenizer")
    parser.add_argument("--examples", type=Path, nargs="+", required=True, help="one table a task, named after it")
    parser.add_argument("--settings", type=json.loads, required=True, help="resolved settings, JSON")
    parser.add_argument("--checkpoints", type=Path, help="where an unfinished run waits to go on")
    parser.add_argument("--out", type=Path, required=True, help="folder that gets {seed}/ for every seed")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs to compute on; without them an error (0: the CPU)")
    args = parser.parse_args()

    from codestilts.training.seed_jobs import train_batch

    train_batch(args.encoder, None, args.examples, args.settings, args.out, args.checkpoints, gpus=args.gpus)


if __name__ == "__main__":
    run(main)
