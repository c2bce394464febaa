"""Tables for people: rounded, with readable heads, written as CSV and as LaTeX (booktabs)."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from codestilts.provenance import atomic

ESCAPES = str.maketrans(
    {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}"}
    | {"^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "<": r"\textless{}", ">": r"\textgreater{}"}
)


LANGUAGES = {"cpp": "C++", "csharp": "C#", "javascript": "JavaScript", "typescript": "TypeScript", "php": "PHP"}


def language_name(language: str) -> str:
    """A programming language as its users write it."""
    return LANGUAGES.get(language, language.capitalize())


def said(name: str) -> str:
    """A family, an arm or a contrast as a reader would write it (``code minus english``, ``code family``)."""
    words = {"english": "English", "english family": "English, mean", "code family": "code, mean"}
    words |= {"mixed": "both", "none": "no intermediate training", "qa": "question answering"}
    return " minus ".join(words.get(part, part.removesuffix(" family")) for part in name.split(" minus "))


def points(value: float, signed: bool = False) -> str:
    """A number of points with one decimal, a true minus sign, and a plus where differences are shown."""
    text = f"{value:+.1f}" if signed else f"{value:.1f}"
    return ("0.0" if float(text) == 0 else text).replace("-", "−")


def with_interval(value: float, low: float, high: float, signed: bool = True) -> str:
    """``+0.8 [−0.3, +1.9]``, or ``+0.8 (no interval)``."""
    if value != value:
        return ""
    if not has_interval(low):
        return f"{points(value, signed)} (no interval)"
    return f"{points(value, signed)} [{points(low, signed)}, {points(high, signed)}]"


def has_interval(low: object) -> bool:
    """Whether the lower end of an interval is there; a table has a gap or an empty text in its place if not."""
    return low != "" and low == low


def p_value(p: float) -> str:
    """A p with as many digits as are of use; empty where there is none."""
    if not has_interval(p):
        return ""
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


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
    with atomic(stem.with_suffix(".csv")) as temporary:
        table.to_csv(temporary, index=False, float_format="%.4g")
    with atomic(stem.with_suffix(".tex")) as temporary:
        temporary.write_text(latex(table, caption, stem.name), encoding="utf-8")
