"""Arguments that the scripts of training jobs share. Their names are those of the attributes of the jobs."""

import argparse
from pathlib import Path
from typing import Any

from codestilts.options import add_settings, new_file, new_folder


def job_parser(description: str | None, settings: Any, out: str, folder: bool = False) -> argparse.ArgumentParser:
    """Return a parser for the encoder, the encoded tasks, the settings, the output and the number of GPUs of a job.

    Args:
        description: What the script does.
        settings: The class of its settings, which are given as JSON.
        out: What the output is.
        folder: Whether it is a folder.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--encoder", type=Path, required=True, help="folder of the tokenizer and, without --parent, of the weights"
    )
    parser.add_argument(
        "--encoded", type=Path, nargs="+", required=True, help="one folder per encoded task, named after it"
    )
    add_settings(parser, settings)
    parser.add_argument("--out", type=new_folder if folder else new_file, required=True, help=out)
    parser.add_argument("--gpus", type=int, default=0, help="number of GPUs, an error if there are fewer; 0: the CPU")
    return parser


def add_parent(parser: argparse.ArgumentParser) -> None:
    """Add the folder of the intermediate models from which a job starts."""
    parser.add_argument(
        "--parent", type=Path, nargs="?", help="folder with {seed}/ of intermediate training, if there was any"
    )


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add the files of learning-rate trials and of checkpoints."""
    parser.add_argument(
        "--trials", type=Path, nargs="?", help="learning-rate trials, if any: the best of them sets the learning rate"
    )
    parser.add_argument("--checkpoints", type=Path, help="folder for unfinished work (default: beside --out)")
