"""The arguments that the scripts of all training jobs have. Their names are those of the jobs' attributes."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError


def job_parser(description: str | None, settings: Any, out: str) -> argparse.ArgumentParser:
    """Return a parser of the encoder, the encoded tasks, the settings, the output and the number of GPUs of a job.

    Args:
        description: What the script does.
        settings: The class of its settings, which are JSON.
        out: What the output is.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--encoder", type=Path, required=True, help="folder of the tokenizer and, without a parent, of the weights"
    )
    parser.add_argument(
        "--encoded", type=Path, nargs="+", required=True, help="one folder per encoded task, named after it"
    )
    parser.add_argument("--settings", type=_reader(settings), required=True, help=f"{settings.__name__} as JSON")
    parser.add_argument("--out", type=Path, required=True, help=out)
    parser.add_argument("--gpus", type=int, default=0, help="number of GPUs, an error if there are fewer; 0: the CPU")
    return parser


def _reader(settings: Any) -> Callable[[str], Any]:
    """Return a function that reads settings, and whose error names the keys that are wrong."""

    def read(text: str) -> Any:
        try:
            return TypeAdapter(settings).validate_json(text)
        except ValidationError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


def add_parent(parser: argparse.ArgumentParser) -> None:
    """Add the folder of the intermediate models that a job goes on from."""
    parser.add_argument(
        "--parent", type=Path, nargs="?", help="folder with {seed}/ of the intermediate phase, if there was one"
    )


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add what training with a chosen learning rate and with checkpoints needs."""
    parser.add_argument(
        "--trials", type=Path, nargs="?", help="learning-rate trials, if any: the best of them sets the learning rate"
    )
    parser.add_argument("--checkpoints", type=Path, help="folder for unfinished work (default: beside --out)")
