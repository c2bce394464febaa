"""Try learning rates: fine-tune an arm's first seed on a target once with each, and record the dev metric."""

import argparse
from pathlib import Path

from pydantic import TypeAdapter

from codestilts.config.training_settings import TuningSettings
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
    parser.add_argument("--settings", required=True, help="TuningSettings as JSON")
    parser.add_argument("--out", type=Path, required=True, help="list of the trials (JSON), written")
    parser.add_argument("--gpus", type=int, default=0, help="number of GPUs, an error if there are fewer; 0: the CPU")
    args = parser.parse_args()
    settings = TypeAdapter(TuningSettings).validate_json(args.settings)

    from codestilts.training.seed_jobs import TuningJob, try_learning_rates

    try_learning_rates(
        TuningJob(
            settings=settings,
            encoder=args.encoder,
            encoded=args.encoded,
            out=args.out,
            parent=args.parent,
            gpus=args.gpus,
        )
    )


if __name__ == "__main__":
    run(main)
