"""Read the rows of a Parquet, JSON, JSON lines or CSV file. A missing value changes the type of no other value."""

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import IO, Any

import pandas as pd
import pyarrow.parquet as pq

from codestilts.columns import Record

CHUNK = 10_000  # rows of JSON lines in memory at a time
HALF = "half of a surrogate pair, which is no character"
_ESCAPED = re.compile(rb"\\u[dD]")

Reader = Callable[[IO[bytes], frozenset[str], Counter[str]], Iterator[pd.DataFrame]]


def _parquet(stream: IO[bytes], wanted: frozenset[str], dropped: Counter[str]) -> Iterator[pd.DataFrame]:
    file = pq.ParquetFile(io.BytesIO(stream.read()))
    names = file.schema_arrow.names
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"it has the column {repeated[0]} twice")
    complete = wanted.intersection(names) == wanted  # otherwise read all columns, which the error will list
    table = file.read(columns=sorted(wanted) if wanted and complete else None)
    yield table.to_pandas(ignore_metadata=True, integer_object_nulls=True)


def _lines(stream: IO[bytes], wanted: frozenset[str], dropped: Counter[str]) -> Iterator[pd.DataFrame]:
    rows: list[Record] = []
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is not a mapping")
        if _ESCAPED.search(line) and not is_writable([row.get(name) for name in wanted or row]):
            dropped[HALF] += 1
        else:
            rows.append(row)
        if len(rows) == CHUNK:
            yield _frame(rows)
            rows = []
    if rows:
        yield _frame(rows)


def _json(stream: IO[bytes], wanted: frozenset[str], dropped: Counter[str]) -> Iterator[pd.DataFrame]:
    """Read a list of rows, a mapping of columns, or lines: what `datasets` accepts in files called .json."""
    data = stream.read()
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Extra data"):
            raise
        yield from _lines(io.BytesIO(data), wanted, dropped)
        return
    if isinstance(content, dict) and all(isinstance(column, list | dict) for column in content.values()):
        columns = [list(column.values()) if isinstance(column, dict) else column for column in content.values()]
        content = [dict(zip(content, row, strict=True)) for row in zip(*columns, strict=True)]
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise ValueError("it is not a list of mappings, one per row")
    rows = [row for row in content if is_writable([row.get(name) for name in wanted or row])]
    dropped[HALF] += len(content) - len(rows)
    yield _frame(rows)


def _frame(rows: list[Record]) -> pd.DataFrame:
    names = dict.fromkeys(name for row in rows for name in row)
    return pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in names})


def is_writable(value: Any) -> bool:
    """Return whether all texts in a value can be encoded as UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return False
    return True


def _csv(
    stream: IO[bytes], wanted: frozenset[str], dropped: Counter[str], separator: str = ","
) -> Iterator[pd.DataFrame]:
    table = pd.read_csv(stream, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    if not isinstance(table.index, pd.RangeIndex):
        raise ValueError("its rows have more fields than its first line")
    yield table


def _tsv(stream: IO[bytes], wanted: frozenset[str], dropped: Counter[str]) -> Iterator[pd.DataFrame]:
    yield from _csv(stream, wanted, dropped, "\t")


READERS: dict[str, Reader] = {".parquet": _parquet, ".jsonl": _lines, ".json": _json, ".csv": _csv, ".tsv": _tsv}
