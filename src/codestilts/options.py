"""Options that several scripts have, and the numbers that options take: a wrong one is an error of one line."""

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from codestilts.errors import CodeStiltsError


def add_configs(parser: ArgumentParser) -> None:
    """Add ``--configs``, the YAML files of a study (:func:`codestilts.config.validation.read_study`)."""
    parser.add_argument("--configs", type=Path, nargs="+", required=True, help="config.yaml and the study's overlay")


def add_settings(parser: ArgumentParser, kind: type[Any]) -> None:
    """Add ``--settings``, the settings of a job as JSON, which is parsed into an object of ``kind``."""
    parser.add_argument(
        "--settings", type=from_json("--settings", kind), required=True, help=f"JSON of {kind.__name__}"
    )


def from_json(option: str, kind: Any) -> Callable[[str], Any]:
    """Return a reader of JSON of an object of ``kind``, as ``type`` of the argument ``option``."""

    def read(text: str) -> Any:
        try:
            return TypeAdapter(kind).validate_json(text)
        except ValidationError as error:
            first, *others = error.errors(include_url=False)
            place = "".join(f"{key}: " for key in first["loc"])
            more = f" ({len(others)} more)" if others else ""
            raise CodeStiltsError(f"{option}: {place}{first['msg']}{more}: give JSON of {kind.__name__}") from None

    return read


def whole_number(option: str, least: int) -> Callable[[str], int]:
    """Return a reader of whole numbers of ``least`` or more, as ``type`` of the argument ``option``."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise CodeStiltsError(f"{option} {text}: give a whole number, {least} or more")
        return value

    return read


def share(option: str) -> Callable[[str], float]:
    """Return a reader of shares, which are more than 0 and at most 1, as ``type`` of the argument ``option``."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value <= 1:
            raise CodeStiltsError(f"{option} {text}: give a share, more than 0 and at most 1")
        return value

    return read


def new_file(text: str) -> Path:
    """Read the name of a file to write, as ``type`` of an argument: that of a folder is refused before the work."""
    if Path(text).is_dir():
        raise CodeStiltsError(f"{text}: a folder: name a file")
    return Path(text)


def new_folder(text: str) -> Path:
    """The same for a folder."""
    if Path(text).is_file():
        raise CodeStiltsError(f"{text}: a file: name a folder")
    return Path(text)
