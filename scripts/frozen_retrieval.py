"""Predict the untrained targets with the frozen encoders of one arm, all seeds of a batch."""

import argparse
from pathlib import Path

from pydantic import TypeAdapter

from codestilts.config.training_settings import RetrievalSettings
from codestilts.errors import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--encoder", type=Path, required=True, help="folder of the tokenizer and, without --parent, of the weights"
    )
    parser.add_argument(
        "--parent", type=Path, nargs="?", help="folder with {seed}/ of the intermediate phase, if there was one"
    )
    parser.add_argument(
        "--encoded", type=Path, nargs="*", default=[], help="one folder per encoded target, named after it"
    )
    parser.add_argument("--settings", required=True, help="RetrievalSettings as JSON")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder that gets {target}.parquet, layers.csv and run.json"
    )
    parser.add_argument(
        "--gpus", type=int, default=0, choices=[0, 1], help="1: a GPU, an error without one; 0: the CPU"
    )
    args = parser.parse_args()
    settings = TypeAdapter(RetrievalSettings).validate_json(args.settings)

    from codestilts.training.devices import claimed
    from codestilts.training.frozen_retrieval import RetrievalJob, predict_targets

    job = RetrievalJob(
        settings=settings,
        encoder=args.encoder,
        parent=args.parent,
        predictions={encoded: args.out / f"{encoded.name}.parquet" for encoded in args.encoded},
        record=args.out / "run.json",
        sweep=args.out / "layers.csv",
    )
    with claimed(args.gpus) as (device,):
        predict_targets(job, device)


if __name__ == "__main__":
    run(main)
