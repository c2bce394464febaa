"""CSV tables that read back as they were written."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.job_files import reading
from codestilts.provenance import atomic


def write_csv(table: pd.DataFrame, path: str | Path, float_format: str | None = None) -> None:
    """Write a table as CSV in UTF-8, completely or not at all. :func:`read_csv` reads it back.

    Texts are quoted where needed; all of them if any has a carriage return, which readers take for a line's end.
    """
    texts = table.select_dtypes(exclude=["number", "bool"])
    returns = any("\r" in value for name in texts for value in texts[name].unique() if isinstance(value, str))
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False, float_format=float_format, quoting=quoting)


def read_csv(path: str | Path, texts: bool = False) -> pd.DataFrame:
    """Read a table that :func:`write_csv` wrote.

    Args:
        path: The file.
        texts: Whether to read every field as a text, as for tables of examples. Otherwise empty fields are missing
            numbers or, in columns with texts, empty texts. "NA" and "none" are always texts.

    Raises:
        CodeStiltsError: The file is empty, cut off or no such table.
    """
    with reading(path):
        if Path(path).stat().st_size == len("\n"):  # a table without columns
            return pd.DataFrame()
        table = pd.read_csv(
            path, keep_default_na=False, na_values=[] if texts else [""], dtype=str if texts else None, encoding="utf-8"
        )
    text_columns = [name for name in table if not pd.api.types.is_numeric_dtype(table[name].dtype)]
    return table.fillna(dict.fromkeys(text_columns, ""))


def concatenate_csv(paths: Sequence[Path], out: Path) -> None:
    """Concatenate CSV files byte by byte under one header.

    Raises:
        CodeStiltsError: The headers differ, or a file is no CSV table.
    """
    header = None
    with atomic(out) as temporary, temporary.open("wb") as target:
        for path in paths:
            with reading(path, "CSV file"):
                _check_csv(path)
            with path.open("rb") as lines:
                first_line = next(lines)
                if header is None:
                    header = first_line
                    target.write(header)
                elif first_line != header:
                    raise CodeStiltsError(f"{path}: its columns differ from those of {paths[0]}: make both again")
                target.writelines(lines)


def _check_csv(path: Path) -> None:
    """Raise a ValueError if a file has no header, which is a line of text, or is not named ``*.csv``."""
    with path.open("rb") as lines:
        header = next(lines, b"").decode("utf-8")
    if path.suffix != ".csv":
        raise ValueError("its name does not end in .csv")
    if not header.endswith("\n") or "\0" in header:
        raise ValueError("it has no header")
