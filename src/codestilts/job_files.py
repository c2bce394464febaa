"""Reading of files that jobs wrote: a missing or damaged one is an error of one line that names it. Light."""

import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codestilts.errors import CodeStiltsError, one_line

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow.parquet as pq

# What pandas, pyarrow, json, gzip and zipfile raise, and what a file of another content makes its reader raise.
DAMAGE = (
    *(OSError, EOFError, zlib.error, zipfile.BadZipFile),
    *(ValueError, LookupError, TypeError, AttributeError, NotImplementedError),
)


@contextmanager
def reading(path: str | Path, kind: str = "table", remedy: str = "delete it, and make it again") -> Iterator[None]:
    """Turn errors of the block, which reads ``path``, into one that names the file and says what to do.

    Args:
        path: The file.
        kind: What it should be.
        remedy: What to do if it is something else.

    Raises:
        CodeStiltsError: The file is missing, may not be read, is cut off or is something else.
    """
    try:
        yield
    except FileNotFoundError:
        raise CodeStiltsError(f"{path}: no such file: make it, or name another") from None
    except PermissionError:
        raise CodeStiltsError(f"{path}: may not be read: change its permissions") from None
    except IsADirectoryError:
        raise CodeStiltsError(f"{path}: a folder: name a file") from None
    except DAMAGE as error:
        problem = f"lacks {error}" if isinstance(error, KeyError) else getattr(error, "strerror", "") or one_line(error)
        raise CodeStiltsError(f"{path}: not a {kind} ({problem}): {remedy}") from None


def read_json(path: str | Path) -> Any:
    """Read what :func:`codestilts.provenance.write_json` wrote."""
    with reading(path, "JSON file"):
        return json.loads(Path(path).read_text(encoding="utf-8"))


def read_parquet(path: str | Path, columns: list[str] | None = None, filters: Any = None) -> "pd.DataFrame":
    """Read a table, or some of its columns and the rows that ``filters`` (of pyarrow) select."""
    import pandas as pd  # late: the graph of jobs is planned without it

    with reading(path):
        return pd.read_parquet(path, columns=columns, filters=filters)


def open_parquet(path: str | Path, read_dictionary: list[str] | None = None) -> "pq.ParquetFile":
    """Open a table that is read in parts; of the columns ``read_dictionary`` texts are read as categories."""
    import pyarrow.parquet as pq

    with reading(path):
        return pq.ParquetFile(path, read_dictionary=read_dictionary)


def read_batches(path: str | Path, rows: int, columns: list[str] | None = None) -> Iterator[Any]:
    """Yield the rows of a table, some at a time (:class:`pyarrow.RecordBatch`)."""
    import pyarrow.parquet as pq

    with reading(path), pq.ParquetFile(path) as file:
        yield from file.iter_batches(rows, columns=columns)


@contextmanager
def reading_weights(path: str | Path) -> Iterator[None]:
    """Turn errors of the block, which reads weights (safetensors) from a file or a folder, into one that names it."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        raise CodeStiltsError(f"{path}: damaged weights ({one_line(error)}): delete it, and make it again") from None


def open_zip(path: str | Path) -> zipfile.ZipFile:
    """Open a zip of a fetched source."""
    with reading(path, "zip"):
        return zipfile.ZipFile(path)
