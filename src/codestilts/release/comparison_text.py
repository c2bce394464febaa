"""A comparison as a text table: a summary line per table, then the cells that differ, the worst first."""

import textwrap
from collections.abc import Iterable

import numpy as np
import pandas as pd

from codestilts.release.comparison import DEVIATES, EQUAL, WITHIN, Comparison, TableComparison

NOT_COMPARED = "all other files, which the workflow makes of these: claims/, figures, tables/, the report, other tables"
HEADER = ["table", "rows", "values", EQUAL, WITHIN, DEVIATES]


def comparison_text(found: Comparison, shown: int = 10, comparable: bool = True) -> str:
    """Return a comparison in words.

    Args:
        found: The comparison.
        shown: How many cells of a table are shown.
        comparable: Whether settings and data are the same, so that values have to be.
    """
    lines = [f"expected: {found.expected.folder}", f"found:    {found.found.folder}"]
    rule = "equal: the same processor and versions"
    if found.differs:
        rule = f"{'within rounding, because of' if found.measured else 'equal, in spite of'} {found.differs}"
    have = f"values have to be {rule}" if comparable else "values need not be equal, as settings or data differ"
    lines += [have, *(f"note: {warning}" for warning in found.warnings), ""]
    summary = [[table.name, table.rows, table.values, *map(table.count, HEADER[3:])] for table in found.tables]
    lines += aligned([HEADER, *summary])
    lines.append(f"not compared: {NOT_COMPARED}")
    for table in found.tables:
        if len(table.cells):
            lines += ["", *_cells_text(table, shown)]
    number = found.deviations
    verdict = f"{number:,} values deviate" if number > 1 else "1 value deviates" if number else "no value deviates"
    return "\n".join([*lines, "", verdict])


def _cells_text(table: TableComparison, shown: int) -> list[str]:
    """Return the worst cells of a table, and what the rows that only one side has have in common."""
    whole_rows = table.cells["column"] == ""
    lines = [f"{table.name}, the worst first:"]
    for word, rows in table.cells[whole_rows].groupby("found", sort=False):
        shared = table.in_common[str(word)]
        shared = f", each with {shared}" if shared else ""
        lines.append(f"  {len(rows):,} row{'s are' if len(rows) > 1 else ' is'} {word}{shared}")
    cells = pd.concat([table.cells[whole_rows].head(3), table.cells[~whole_rows].head(shown)])
    body = [
        [f"  {cell['row']}", cell["column"], _shown(cell["expected"]), _shown(cell["found"]),
         _difference(cell["difference"]), f"{cell['tolerance']:.3g}" if cell["tolerance"] else "", cell["status"]]
        for cell in cells.to_dict("records")
    ]  # fmt: skip
    lines += aligned([["  row", "column", "expected", "found", "difference", "tolerance", ""], *body])
    if hidden := len(table.cells) - len(cells):
        lines.append(f"  and {hidden:,} more")
    return lines


def _shown(value: object) -> str:
    return textwrap.shorten(str(value), 40, placeholder=" ...")


def _difference(value: float) -> str:
    return f"{value:+.6g}" if np.isfinite(value) else ""


def aligned(rows: Iterable[Iterable[object]]) -> list[str]:
    """Return rows as lines with aligned columns, texts to the left and numbers to the right."""
    texts = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    numeric = [all(cell.replace(",", "").isdigit() for cell in column[1:]) for column in zip(*texts, strict=True)]
    lines = []
    for row in texts:
        cells = zip(row, widths, numeric, strict=True)
        lines.append(
            "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells).rstrip()
        )
    return lines
