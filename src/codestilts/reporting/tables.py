"""Tables as files: CSV that reads back as it was written, and for people, rounded and with readable heads, LaTeX."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from codestilts.csv_tables import write_csv
from codestilts.evaluation.statistics.verdicts import has_interval, judged
from codestilts.provenance import atomic

ESCAPES = str.maketrans(
    {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}"}
    | {"^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "<": r"\textless{}", ">": r"\textgreater{}"}
)


def points(value: float, signed: bool = False, digits: int = 1) -> str:
    """A number of points with one decimal, a true minus sign, and a plus where differences are shown."""
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    return (text.lstrip("+-") if float(text) == 0 else text).replace("-", "−")


def with_interval(value: float, low: float, high: float, signed: bool = True, margin: float = 0.0) -> str:
    """``+0.8 [−0.3, +1.9]``, or ``+0.8 (no interval)``.

    The ends have as many decimals as it takes to say what they say unrounded, of zero and of the ``margin``.
    """
    if value != value:
        return ""
    if not has_interval(low):
        return f"{points(value, signed)} (no interval)"
    digits = 1
    while digits < 5 and judged(round(low, digits), round(high, digits), margin) != judged(low, high, margin):
        digits += 1
    return f"{points(value, signed)} [{points(low, signed, digits)}, {points(high, signed, digits)}]"


def p_value(p: float) -> str:
    """A p with as many digits as are of use, more where it lies near .05; empty where there is none."""
    if not has_interval(p):
        return ""
    if p < 0.001:
        return "< 0.001"
    digits = 3
    while digits < 6 and (round(p, digits) < 0.05) != (p < 0.05):
        digits += 1
    return f"{p:.{digits}f}"


def wide(table: pd.DataFrame, rows: str, columns: str, value: str) -> pd.DataFrame:
    """Long to wide, keeping the order in which rows and columns first occur; gaps become empty texts."""
    out = table.pivot(index=rows, columns=columns, values=value)
    ordered = out.reindex(index=list(dict.fromkeys(table[rows])), columns=list(dict.fromkeys(table[columns])))
    return ordered.fillna("").reset_index()


def latex(table: pd.DataFrame, caption: str, label: str) -> str:
    """A LaTeX table with booktabs; texts to the left, numbers to the right."""
    numeric = [pd.api.types.is_numeric_dtype(table[name]) for name in table]
    lines = [
        r"\begin{table}",
        r"  \centering\small",
        f"  \\caption{{{escape(caption)}}}",
        f"  \\label{{tab:{label}}}",
        f"  \\begin{{tabular}}{{{''.join('r' if right else 'l' for right in numeric)}}}",
        r"    \toprule",
        f"    {_row(table.columns)}",
        r"    \midrule",
        *(f"    {_row(row)}" for row in table.itertuples(index=False)),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escape(value: object) -> str:
    """A value as LaTeX text."""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.translate(ESCAPES).replace("−", "$-$").replace("±", r"$\pm$")


def _row(cells: Sequence[object] | pd.Index) -> str:
    return " & ".join(escape(cell) for cell in cells) + r" \\"


def save(table: pd.DataFrame, stem: str | Path, caption: str) -> None:
    """Write ``stem.csv`` and ``stem.tex``."""
    stem = Path(stem)
    write_csv(table, stem.with_suffix(".csv"), float_format="%.4g")
    with atomic(stem.with_suffix(".tex")) as temporary:
        temporary.write_text(latex(table, caption, stem.name), encoding="utf-8")
