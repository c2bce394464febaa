"""Predict which targets the intermediate task of one arm helps: LogME and the similarity of texts."""

import argparse
from pathlib import Path

from codestilts.config.transferability_settings import TransferabilitySettings
from codestilts.errors import run
from codestilts.options import add_settings, new_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--encoder", type=Path, required=True, help="folder of the tokenizer and the pretrained weights"
    )
    parser.add_argument("--parent", type=Path, required=True, help="folder with {seed}/ of the intermediate phase")
    parser.add_argument(
        "--encoded",
        type=Path,
        nargs="+",
        required=True,
        help="folders of the encoded task and targets, named after them",
    )
    add_settings(parser, TransferabilitySettings)
    parser.add_argument("--out", type=new_file, required=True, help="CSV, written: one row per target")
    parser.add_argument(
        "--gpus", type=int, default=0, choices=[0, 1], help="1: a GPU, an error without one; 0: the CPU"
    )
    args = parser.parse_args()

    from codestilts.training.devices import claimed
    from codestilts.training.transferability import TransferabilityJob, measure

    with claimed(args.gpus) as (device,):
        measure(TransferabilityJob(args.settings, args.encoder, args.parent, args.encoded, args.out), device)


if __name__ == "__main__":
    run(main)
