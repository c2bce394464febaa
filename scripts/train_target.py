"""Fine-tune one arm's encoders on a target, all seeds of a batch, and predict its test examples."""

import argparse
from pathlib import Path

from pydantic import TypeAdapter

from codestilts.config.training_settings import TrainingSettings
from codestilts.errors import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--encoder", type=Path, required=True, help="folder of the tokenizer and, without --parent, of the weights"
    )
    parser.add_argument(
        "--parent", type=Path, nargs="?", help="folder with {seed}/ of the intermediate phase, if there was one"
    )
    parser.add_argument("--encoded", type=Path, required=True, help="folder of the encoded target, named after it")
    parser.add_argument("--settings", required=True, help="TrainingSettings as JSON")
    parser.add_argument("--checkpoints", type=Path, help="folder for unfinished work (default: beside --out)")
    parser.add_argument(
        "--trials", type=Path, nargs="?", help="learning-rate trials, if any: the best of them sets the learning rate"
    )
    parser.add_argument(
        "--predictions", type=Path, required=True, help="predictions of the test rows (parquet), written"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder that gets {seed}/ for every seed")
    parser.add_argument("--gpus", type=int, default=0, help="number of GPUs, an error if there are fewer; 0: the CPU")
    args = parser.parse_args()
    settings = TypeAdapter(TrainingSettings).validate_json(args.settings)

    from codestilts.training.seed_jobs import TrainingJob, train_seeds

    train_seeds(
        TrainingJob(
            settings=settings,
            encoder=args.encoder,
            encoded=(args.encoded,),
            out=args.out,
            parent=args.parent,
            predictions=args.predictions,
            trials=args.trials,
            checkpoints=args.checkpoints,
            gpus=args.gpus,
        )
    )


if __name__ == "__main__":
    run(main)
