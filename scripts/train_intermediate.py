"""Train an arm's intermediate tasks, one model per seed."""

import argparse
from pathlib import Path

from pydantic import TypeAdapter

from codestilts.config.training_settings import TrainingSettings
from codestilts.errors import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, required=True, help="encoder folder: weights and tokenizer")
    parser.add_argument(
        "--encoded", type=Path, nargs="+", required=True, help="one folder per encoded task, named after it"
    )
    parser.add_argument("--settings", required=True, help="TrainingSettings as JSON")
    parser.add_argument(
        "--trials", type=Path, nargs="?", help="learning-rate trials, if any: the best of them sets the learning rate"
    )
    parser.add_argument("--checkpoints", type=Path, help="folder for unfinished work (default: beside --out)")
    parser.add_argument("--out", type=Path, required=True, help="folder that gets {seed}/ for every seed")
    parser.add_argument("--records", type=Path, help="folder that gets a copy of each seed's record")
    parser.add_argument("--gpus", type=int, default=0, help="number of GPUs, an error if there are fewer; 0: the CPU")
    args = parser.parse_args()
    settings = TypeAdapter(TrainingSettings).validate_json(args.settings)

    from codestilts.training.seed_jobs import TrainingJob, train_seeds

    train_seeds(
        TrainingJob(
            settings=settings,
            encoder=args.encoder,
            encoded=tuple(args.encoded),
            out=args.out,
            records=args.records,
            trials=args.trials,
            checkpoints=args.checkpoints,
            gpus=args.gpus,
        )
    )


if __name__ == "__main__":
    run(main)
