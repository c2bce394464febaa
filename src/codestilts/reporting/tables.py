"""Numbers in words and tables in files: CSV, and LaTeX for papers."""

from pathlib import Path

import numpy as np
import pandas as pd

from codestilts.csv_tables import write_csv
from codestilts.evaluation.statistics.verdicts import has_interval, judged
from codestilts.provenance import atomic


def points(value: float, signed: bool = False, digits: int = 1) -> str:
    """Return a number of points with a true minus sign and, for differences, a plus sign."""
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    return (text.lstrip("+-") if float(text) == 0 else text).replace("-", "−")


def with_interval(value: float, low: float, high: float, signed: bool = True, margin: float = 0.0) -> str:
    """Return ``+0.8 [−0.3, +1.9]``, or ``+0.8 (no interval)``.

    The ends have enough decimals to allow the same judgement as unrounded ones, relative to zero and to ``margin``, and
    to show their signs.
    """
    if value != value:
        return ""
    if not has_interval(low):
        return f"{points(value, signed)} (no interval)"
    digits = 1
    while digits < 5 and not _shows(low, high, digits, margin):
        digits += 1
    return f"{points(value, signed)} [{points(low, signed, digits)}, {points(high, signed, digits)}]"


def _shows(low: float, high: float, digits: int, margin: float) -> bool:
    """Whether the ends of an interval, rounded to so many digits, have their signs and allow the same judgement."""
    ends = round(low, digits), round(high, digits)
    signs = [np.sign(end) for end in (*ends, low, high)]
    return signs[:2] == signs[2:] and judged(*ends, margin) == judged(low, high, margin)


def p_value(p: float) -> str:
    """Return a p value with three digits, or more if it is so close to .05 that rounding would cross it."""
    if not has_interval(p):
        return ""
    if p < 0.001:
        return "< 0.001"
    digits = 3
    while digits < 6 and (round(p, digits) < 0.05) != (p < 0.05):
        digits += 1
    return f"{p:.{digits}f}"


def star(corrected_p: float, confidence: float) -> str:
    """Return ``*`` for a difference that a p, corrected for their number, supports, else an empty text."""
    return "*" if has_interval(corrected_p) and corrected_p <= 1 - confidence else ""


def wide(table: pd.DataFrame, rows: str, columns: str, value: str) -> pd.DataFrame:
    """Turn a long table into a wide one. Rows and columns keep the order in which they first occur; gaps are empty."""
    pivoted = table.pivot(index=rows, columns=columns, values=value)
    ordered = pivoted.reindex(index=list(dict.fromkeys(table[rows])), columns=list(dict.fromkeys(table[columns])))
    return ordered.fillna("").reset_index()


def latex(table: pd.DataFrame, caption: str, label: str) -> str:
    """Return a LaTeX table with the rules of booktabs; texts are aligned left, numbers right. ``caption`` is LaTeX."""
    alignment = "".join("r" if pd.api.types.is_numeric_dtype(table[name]) else "l" for name in table)
    styler = table.style.hide(axis="index").format(_latex_text, escape="latex").format_index(escape="latex", axis=1)
    return styler.to_latex(
        hrules=True,
        column_format=alignment,
        caption=caption,
        label=f"tab:{label}",
        position_float="centering",
    )


def _latex_text(value: object) -> str:
    """A value that is already escaped, but for signs that LaTeX has in math mode only."""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("<", "$<$").replace(">", "$>$").replace("−", "$-$").replace("±", r"$\pm$")


def save(table: pd.DataFrame, stem: str | Path, caption: str) -> None:
    """Write a table as ``stem.csv`` and ``stem.tex``; ``caption`` is LaTeX."""
    stem = Path(stem)
    write_csv(table, stem.with_suffix(".csv"), float_format="%.4g")
    with atomic(stem.with_suffix(".tex")) as temporary:
        temporary.write_text(latex(table, caption, stem.name), encoding="utf-8")
