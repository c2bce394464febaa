"""Tables of sums (parquet), read one cell at a time: a row group has the rows of one target in one language."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from codestilts.columns import SUM_COLUMNS
from codestilts.job_files import open_parquet, reading

TEXTS = ["encoder", "arm", "target", "checkpoint", "language", "metric", "unit", "label"]
READ = ["arm", "seed", "unit", "label", "numerator", "denominator"]
# Names of units repeat for every seed: as codes a row takes some two bytes on disk, as texts twenty.
DICTIONARY_BYTES = 2**26


class SumWriter:
    """Writes a table of sums; a context manager."""

    def __init__(self, path: str | Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        numbers = {"seed": pa.int64(), "numerator": pa.float64(), "denominator": pa.float64(), "n": pa.int64()}
        self.schema = pa.schema([(name, numbers.get(name, pa.string())) for name in SUM_COLUMNS])
        self.writer = pq.ParquetWriter(
            path, self.schema, compression="zstd", dictionary_pagesize_limit=DICTIONARY_BYTES
        )

    def write(self, sums: pd.DataFrame) -> None:
        """Append sums (:data:`SUM_COLUMNS`), each cell's together."""
        import pyarrow as pa

        for _, rows in sums.groupby(["target", "language"], sort=True):
            self.writer.write_table(pa.Table.from_pandas(rows[SUM_COLUMNS], self.schema, preserve_index=False))

    def __enter__(self) -> "SumWriter":
        return self

    def __exit__(self, *error: object) -> None:
        self.writer.close()


class RowGroup(NamedTuple):
    """Rows of a table that are stored together."""

    path: str
    file: Any
    number: int

    def read(self, columns: Sequence[str] | None = None) -> Any:
        """Return some columns, or all (:class:`pyarrow.Table`)."""
        with reading(self.path):
            return self.file.read_row_group(self.number, columns=columns, use_threads=False)

    def only_value(self, column: str) -> str | None:
        """Return the only value of a column, or None if there are several, or none is known."""
        part = self.file.metadata.row_group(self.number)
        known = part.column(self.file.schema_arrow.get_field_index(column)).statistics
        return known.min if known is not None and known.has_min_max and known.min == known.max else None


def row_groups(path: str, categories: list[str] | None = None) -> list[RowGroup]:
    """Return the row groups of a table; some columns are read as categories."""
    file = open_parquet(path, read_dictionary=categories)
    return [RowGroup(path, file, number) for number in range(file.num_row_groups)]


class SumTables:
    """Tables of sums of one encoder and of the trivial baselines; their row groups are found by their statistics."""

    def __init__(self, paths: Iterable[str], encoder: str) -> None:

        self.encoders = ["", encoder]
        self.groups: dict[tuple[str, str], list[RowGroup]] = {}  # of a cell
        self.mixed: list[RowGroup] = []  # those with several encoders or cells
        for group in (group for path in paths for group in row_groups(path, TEXTS)):
            names = [group.only_value(column) for column in ("encoder", "target", "language")]
            if None in names:
                self.mixed.append(group)
            elif names[0] in self.encoders:
                self.groups.setdefault((str(names[1]), str(names[2])), []).append(group)

    def units(self, target: str, language: str) -> set[str]:
        """Return the names of the units of a cell."""
        found, names = self.groups.get((target, language), []), set()
        for group in found:
            for chunk in group.read(["unit"])["unit"].chunks:
                names.update(chunk.dictionary.to_pylist())
        return names | set(self.read(target, language)["unit"].unique()) if self.mixed else names

    def read(self, target: str, language: str) -> pd.DataFrame:
        """Return the sums of a cell: the columns :data:`READ`, texts as categories."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found = self.groups.get((target, language), [])
        parts = [group.read(READ) for group in found]
        for group in self.mixed:
            here = (pc.field("target") == target) & (pc.field("language") == language)
            rows = group.read().filter(here & pc.field("encoder").isin(self.encoders))
            parts.append(rows.select(READ))
        table = pa.concat_tables(parts).unify_dictionaries()
        del parts
        read = table.to_pandas(split_blocks=True, self_destruct=True)  # a column of the table is freed when it is read
        del table
        pa.default_memory_pool().release_unused()
        return read


def names_in(path: str, column: str) -> set[str]:
    """Return the values of a column of texts; only row groups that have several are read."""

    names = set()
    for group in row_groups(path):
        only = group.only_value(column)
        names |= set(group.read([column])[column].to_pylist()) if only is None else {only}
    return names
