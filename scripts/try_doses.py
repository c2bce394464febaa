"""Try learning rates of an arm's intermediate training: train targets after each, and record their dev metrics."""

import argparse
from pathlib import Path

from pydantic import TypeAdapter

from codestilts.config.training_settings import DoseSettings
from codestilts.errors import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, required=True, help="folder of the published encoder")
    parser.add_argument(
        "--encoded",
        type=Path,
        nargs="+",
        required=True,
        help="one folder per encoded task, named after it: intermediate tasks, targets and held-out texts",
    )
    parser.add_argument("--settings", required=True, help="DoseSettings as JSON")
    parser.add_argument("--out", type=Path, required=True, help="list of the trials (JSON), written")
    parser.add_argument("--table", type=Path, required=True, help="all that was measured (CSV), written")
    parser.add_argument("--gpus", type=int, default=0, help="number of GPUs, an error if there are fewer; 0: the CPU")
    args = parser.parse_args()
    settings = TypeAdapter(DoseSettings).validate_json(args.settings)

    from codestilts.training.dose_trials import DoseJob, try_doses

    try_doses(
        DoseJob(
            settings=settings,
            encoder=args.encoder,
            encoded=tuple(args.encoded),
            out=args.out,
            table=args.table,
            gpus=args.gpus,
        )
    )


if __name__ == "__main__":
    run(main)
