"""Predict the untrained targets with the frozen encoders of one arm, all seeds of a batch."""

import argparse
from pathlib import Path

from codestilts.config.training_settings import RetrievalSettings
from codestilts.errors import run
from codestilts.options import add_settings, new_folder


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
    add_settings(parser, RetrievalSettings)
    parser.add_argument(
        "--out",
        type=new_folder,
        required=True,
        help="folder that gets {target}.parquet, layers.csv and run.json",
    )
    parser.add_argument(
        "--gpus", type=int, default=0, choices=[0, 1], help="1: a GPU, an error without one; 0: the CPU"
    )
    args = parser.parse_args()

    from codestilts.training.devices import claimed
    from codestilts.training.frozen_retrieval import RetrievalJob, predict_targets

    job = RetrievalJob(
        settings=args.settings,
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
