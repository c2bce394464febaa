"""Tables as files: CSV that reads back as it was written, and for people, rounded and with readable heads, LaTeX."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from codestilts.provenance import atomic

ESCAPES = str.maketrans(
    {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}"}
    | {"^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "<": r"\textless{}", ">": r"\textgreater{}"}
)


LANGUAGES = {"cpp": "C++", "csharp": "C#", "javascript": "JavaScript", "typescript": "TypeScript", "php": "PHP"}


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


def visible(text: str) -> str:
    """A text for a page, on which control characters are their pictures (U+2400 and on); other than tab, line feed."""
    return text.translate({code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {0x7F: 0x2421})


def language_name(language: str) -> str:
    """A programming language as its users write it."""
    return LANGUAGES.get(language, language.capitalize())


def said(name: str) -> str:
    """A family, an arm or a contrast as a reader would write it (``code minus english``, ``code family``)."""
    words = {"english": "English", "english family": "English, mean", "code family": "code, mean"}
    words |= {"mixed": "both", "none": "no intermediate training", "qa": "question answering"}
    return " minus ".join(words.get(part, part.removesuffix(" family")) for part in name.split(" minus "))


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


def judged(low: float, high: float, margin: float) -> tuple[str, str]:
    """What an interval says: better, worse, equal (less than the margin apart) or undecided; and by how much."""
    if low > 0 or high < 0:
        least, most = (low, high) if low > 0 else (-high, -low)
        by = f", by less than {in_points(margin)}" if most < margin else ""
        by = by or (f", perhaps by less than {in_points(margin)}" if least <= margin else "")
        return ("better" if low > 0 else "worse"), by
    return ("equal" if -margin < low and high < margin else "undecided"), ""


def in_points(margin: float) -> str:
    """``1 point``, ``2.5 points``."""
    return f"{margin:g} point{'' if margin == 1 else 's'}"


def has_interval(low: object) -> bool:
    """Whether the lower end of an interval is there; a table has a gap or an empty text in its place if not."""
    return low != "" and low == low


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
