"""Tables of made-up rows, and the card that says which file is which split."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

TYPES = {
    "str": pa.string(), "i32": pa.int32(), "i64": pa.int64(), "bool": pa.bool_(), "float": pa.float32(),
    "strs": pa.list_(pa.string()), "i64s": pa.list_(pa.int64()),
    "answers": pa.struct({"answer_start": pa.list_(pa.int32()), "text": pa.list_(pa.string())}),
    "choices": pa.struct({"label": pa.list_(pa.string()), "text": pa.list_(pa.string())}),
    "resource": pa.struct({"resource": pa.string()}),
}  # fmt: skip
EMPTY = {"str": "", "strs": [], "i32": 0, "i64": 0, "float": -1.0}
SPLITS = {"train": 120, "validation": 40, "test": 40}

Row = dict[str, Any]
Make = Callable[[str, int], Row]  # a split's name and the number of a row


@dataclass(frozen=True)
class Config:
    """A config of a repository: its columns (``name:type``), how a row is made, and the rows of each split."""

    columns: str
    make: Make
    splits: dict[str, int] = field(default_factory=lambda: dict(SPLITS))
    file: str = "{config}/{split}-00000-of-00001.parquet"


DATA = "data/{split}-00000-of-00001.parquet"
CONVERTED = "{config}/{split}/0000.parquet"  # the layout of the branch refs/convert/parquet


def write_table(path: Path, columns: str, rows: list[Row]) -> None:
    """Write rows as lines of JSON or as Parquet; a column that a row lacks is empty."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return
    named = [column.split(":") for column in columns.split()]
    filled = [{name: row.get(name, EMPTY.get(kind)) for name, kind in named} for row in rows]
    pq.write_table(pa.Table.from_pylist(filled, pa.schema([(name, TYPES[kind]) for name, kind in named])), path)


def card(name: str, configs: dict[str, Config]) -> str:
    """A card that says which file is which split; a repository that was converted has none on its main branch."""
    declared = [
        {"config_name": config, "data_files": [
            {"split": split, "path": made.file.format(config=config, split=split)} for split in made.splits]}
        for config, made in configs.items() if made.file != CONVERTED
    ]  # fmt: skip
    metadata = yaml.safe_dump({"license": "cc0-1.0", **({"configs": declared} if declared else {})}, sort_keys=False)
    return f"---\n{metadata}---\n\n# {name}\n\nMade-up rows for tests, in the schema of the hub's repository.\n"
