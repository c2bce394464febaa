"""Sequences of encoded examples, in memory or mapped from disk.

A stored sequence is a folder that ``datasets.load_from_disk`` reads: Arrow files with one column for each field, whose
arrays are read in place. Opening it takes no memory, however long it is.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, cast, overload

import numpy as np
import pyarrow as pa

from codestilts.job_files import reading
from codestilts.tasktypes.base import SEQUENCES

T = TypeVar("T")

# Fields that are arrays of pairs; all other arrays have one dimension. A list of sequences becomes one column for each
# of their fields.
PAIRS = frozenset({"offsets", "answer", "spans"})
NULLABLE = frozenset({"spans"})
OF_SEQUENCES = ("input_ids", "token_type_ids")


class Records(Sequence[T], ABC, Generic[T]):
    """A sequence of records with the same fields, read one at a time."""

    @abstractmethod
    def read(self, index: int) -> T:
        """Return a record; ``index`` is not negative."""

    @abstractmethod
    def tokens(self) -> np.ndarray:
        """Return the field ``tokens`` of all records."""

    def rows(self) -> np.ndarray:
        """Return the row of each record in its table: the field ``example``, or else its own position."""
        positions = enumerate(cast(Sequence[Mapping[str, Any]], self))
        return np.array([record.get("example", number) for number, record in positions], dtype=np.int64)

    def lengths(self, field: str) -> np.ndarray:
        """Return the length of a field of each record."""
        return np.array([len(cast(Mapping[str, Any], record)[field]) for record in self], dtype=np.int64)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self.read(number) for number in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self.read(index % len(self))


class Held(Records[T]):
    """Records in memory."""

    def __init__(self, records: Iterable[T]) -> None:
        self.records = list(records)

    def __len__(self) -> int:
        return len(self.records)

    def read(self, index: int) -> T:
        """Return a record."""
        return self.records[index]

    def tokens(self) -> np.ndarray:
        """Return the field ``tokens`` of all records."""
        return np.array([cast(Mapping[str, Any], record)["tokens"] for record in self.records], dtype=np.int64)


class Changed(Records[T]):
    """Records with other fields, made when a record is read."""

    def __init__(
        self, records: Records[T], changes: Callable[[int], Mapping[str, Any]], tokens: np.ndarray | None = None
    ) -> None:
        """Change the records; ``changes`` returns the changed fields of a record from its index."""
        self.records, self.changes, self.changed_tokens = records, changes, tokens

    def __len__(self) -> int:
        return len(self.records)

    def read(self, index: int) -> T:
        """Return a changed record."""
        return cast(T, {**cast(Mapping[str, Any], self.records[index]), **self.changes(index)})

    def tokens(self) -> np.ndarray:
        """Return the field ``tokens`` of all records."""
        return self.records.tokens() if self.changed_tokens is None else self.changed_tokens


class Selected(Records[T]):
    """Some of the records, in the given order."""

    def __init__(self, records: Records[T], positions: np.ndarray) -> None:
        """Select the records at ``positions``."""
        self.records, self.positions = records, positions

    def __len__(self) -> int:
        return len(self.positions)

    def read(self, index: int) -> T:
        """Return a record."""
        return self.records[int(self.positions[index])]

    def tokens(self) -> np.ndarray:
        """Return the field ``tokens`` of the selected records."""
        return self.records.tokens()[self.positions]

    def rows(self) -> np.ndarray:
        """Return the row of each selected record in its table."""
        return self.records.rows()[self.positions]

    def lengths(self, field: str) -> np.ndarray:
        """Return the length of a field of each selected record."""
        return self.records.lengths(field)[self.positions]


def as_records(records: Sequence[T]) -> Records[T]:
    """Return the records as they are, or a list of them as :class:`Held`."""
    return records if isinstance(records, Records) else Held(records)


class Stored(Records[dict[str, Any]]):
    """Records mapped from a folder that :func:`store` wrote; arrays are read-only views of the file."""

    def __init__(self, folder: Path) -> None:
        tables = [_mapped(path) for path in sorted(folder.glob("data-*.arrow"))]
        batches = [batch for table in tables for batch in table.to_batches() if batch.num_rows]
        self.ends = np.cumsum([batch.num_rows for batch in batches], dtype=np.int64)
        self.batches = [{name: _Column(batch[name]) for name in batch.schema.names} for batch in batches]

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def read(self, index: int) -> dict[str, Any]:
        """Return a record."""
        number = int(np.searchsorted(self.ends, index, side="right"))
        batch = self.batches[number]
        row = index - (int(self.ends[number - 1]) if number else 0)
        record = {name: column.read(row) for name, column in batch.items() if name not in OF_SEQUENCES}
        for name in PAIRS & record.keys():
            record[name] = None if record[name] is None else record[name].reshape(-1, 2)
        parts = {name: batch[name].read(row) for name in OF_SEQUENCES if name in batch}
        if parts:
            record[SEQUENCES] = [dict(zip(parts, values, strict=True)) for values in zip(*parts.values(), strict=True)]
        return record

    def tokens(self) -> np.ndarray:
        """Return the field ``tokens`` of all records."""
        return np.concatenate([np.empty(0, np.int64), *(batch["tokens"].values for batch in self.batches)])

    def rows(self) -> np.ndarray:
        """Return the row of each record in its table."""
        if not self.batches or "example" not in self.batches[0]:
            return np.arange(len(self))
        return np.concatenate([batch["example"].values for batch in self.batches])

    def lengths(self, field: str) -> np.ndarray:
        """Return the length of a field of each record."""
        column = OF_SEQUENCES[0] if field == SEQUENCES else field
        parts = [np.diff(batch[column].bounds) for batch in self.batches]
        return np.concatenate([np.empty(0, np.int64), *parts]) // (2 if field in PAIRS else 1)


def _mapped(path: Path) -> pa.Table:
    remedy = "delete its folder, and make it again"
    with reading(path, "table of encoded examples", remedy), pa.memory_map(str(path)) as source:
        return pa.ipc.open_stream(source).read_all()


class _Column:
    """A column of one record batch as numpy views: numbers, lists of numbers, or lists of such lists."""

    def __init__(self, column: pa.Array) -> None:
        self.nulls = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
        self.bounds, self.inner = np.empty(0, np.int64), np.empty(0, np.int64)
        self.depth = 0
        while pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
            bounds = column.offsets.to_numpy()
            self.bounds, self.inner = (bounds, self.inner) if not self.depth else (self.bounds, bounds)
            column = column.values
            self.depth += 1
        self.values = column.to_numpy()

    def read(self, row: int) -> Any:
        """Return the value of a row: a number, an array, a list of arrays, or None."""
        if self.nulls is not None and self.nulls[row]:
            return None
        if not self.depth:
            return int(self.values[row])
        first, stop = self.bounds[row], self.bounds[row + 1]
        if self.depth == 1:
            return self.values[first:stop]
        return [self.values[self.inner[part] : self.inner[part + 1]] for part in range(first, stop)]


def store(chunks: Iterable[Sequence[Mapping[str, Any]]], folder: Path) -> int:
    """Write records to a new folder, a chunk at a time.

    Returns:
        The number of records.
    """
    from datasets import Dataset, Features, disable_progress_bars
    from datasets.arrow_writer import ArrowWriter

    disable_progress_bars()
    folder.mkdir(parents=True)
    file, writer, number = folder.with_suffix(".arrow"), None, 0
    for chunk in chunks:
        if len(chunk):
            table = _table(chunk)
            writer = writer or ArrowWriter(path=str(file), features=Features.from_arrow_schema(table.schema))
            writer.write_table(table)
            number += len(chunk)
    if writer:
        writer.finalize()
        data = Dataset.from_file(str(file))
        data.save_to_disk(str(folder))
        del data
        file.unlink()
    return number


def _table(records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Make a table of records, with the fields of the first."""
    columns: dict[str, pa.Array] = {}
    for field, value in records[0].items():
        values = [record[field] for record in records]
        if field == SEQUENCES:
            for name in OF_SEQUENCES:
                if name in value[0]:
                    columns[name] = _nested([[part[name] for part in parts] for parts in values])
        elif field in NULLABLE:
            columns[field] = _lists([None if item is None else np.ravel(item) for item in values])
        elif isinstance(value, int | np.integer):
            columns[field] = pa.array(values, pa.int64())
        else:
            columns[field] = _lists([np.ravel(item) for item in values])
    return pa.table(columns)


def _bounds(lengths: Sequence[int]) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]), pa.int64())


def _lists(values: Sequence[np.ndarray | None]) -> pa.Array:
    """Make a column of lists of int32; None is null."""
    present = [np.empty(0, np.int32) if value is None else value for value in values]
    flat = np.concatenate(present).astype(np.int32)
    missing = pa.array([value is None for value in values])
    return pa.LargeListArray.from_arrays(_bounds([len(value) for value in present]), pa.array(flat), mask=missing)


def _nested(values: Sequence[Sequence[np.ndarray]]) -> pa.Array:
    inner = _lists([part for parts in values for part in parts])
    return pa.LargeListArray.from_arrays(_bounds([len(parts) for parts in values]), inner)
