"""Tables as CSV files that read back as they were written."""

import csv
from pathlib import Path
from typing import Literal

import pandas as pd

from codestilts.provenance import atomic


def write_csv(table: pd.DataFrame, path: str | Path, float_format: str | None = None) -> None:
    """Write a table as CSV in UTF-8, whole or not at all; :func:`read_csv` gives it back.

    Texts are quoted where they need it; all of them if any has a carriage return, which readers take for a line's end.
    """
    texts = table.select_dtypes(exclude=["number", "bool"])
    returns = any("\r" in cell for name in texts for cell in texts[name] if isinstance(cell, str))
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False, float_format=float_format, quoting=quoting)


def read_csv(path: str | Path, texts: bool = False) -> pd.DataFrame:
    """Read what :func:`write_csv` wrote; every cell as a text if ``texts``, as those of examples are.

    Otherwise empty cells are missing numbers, or empty texts where a column has texts; "NA" and "none" are texts.
    """
    table = pd.read_csv(
        path, keep_default_na=False, na_values=[] if texts else [""], dtype=str if texts else None, encoding="utf-8"
    )
    named = [name for name in table if not pd.api.types.is_numeric_dtype(table[name].dtype)]
    return table.fillna(dict.fromkeys(named, ""))
