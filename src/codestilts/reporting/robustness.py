"""Whether the verdict on the primary contrast depends on the method, or on some groups, languages, forms or targets."""

from collections.abc import Mapping, Sequence

import pandas as pd

from codestilts.display_names import language_name, method_name, scope_name
from codestilts.evaluation.statistics.contrasts import VARIANCES, variance_in
from codestilts.evaluation.statistics.questions import NO_OVERLAP
from codestilts.evaluation.statistics.verdicts import has_interval, judged
from codestilts.reporting.answer import Row, described
from codestilts.reporting.tables import points, with_interval

SENSITIVITY = ["sensitivity", "leave one out"]  # roles of the primary contrast by other methods and on other cells
KINDS = {"group": "group of targets", "language": "language", "form": "form"}  # of what is left out


def intervals_of_units(contrasts: pd.DataFrame) -> dict[str, int]:
    """Count the contrasts with an interval of crossed t: ``all``, and ``some`` in which seeds are not seen to vary."""
    crossed = contrasts[contrasts["method"] == "crossed_t"].dropna(subset=VARIANCES)
    alone = [variance_in(row).units_alone for _, row in crossed.iterrows()]
    return {"all": len(alone), "some": sum(alone)}


def cells_name(row: Row) -> str:
    """Return in words which cells a row of the primary contrast has that the contrast itself has not; empty if none."""
    if row["left_out_kind"] == "targets":
        return f"without targets that fail their checks ({row['left_out'].replace(' ', ', ')})"
    if row.get("role") == NO_OVERLAP:
        return "without arms on targets with which they share data or near-duplicates"
    if row["left_out"]:
        return f"without {_left_out(row)}"
    return "with targets that share form and material" if row["near"] == "kept" else ""


def _left_out(row: Row) -> str:
    names = {"group": scope_name, "language": language_name, "form": "the form {}".format}
    return names[row["left_out_kind"]](row["left_out"])


def other_analyses(primary: Row, others: Sequence[Row], margin: float) -> tuple[str, str]:
    """Say which other methods and sets of targets judge the primary contrast otherwise, and which do not.

    These rows are not corrected for several contrasts, so they are compared with the verdict before that correction.
    Rows without an interval have no verdict that could differ. Each text is empty without any.
    """
    verdict = _uncorrected(primary, margin)
    differ: list[str] = []
    agree: list[str] = []
    unjudged: list[str] = []
    for row in others:
        same = row["judgement"] == verdict
        text = described(row, margin)
        if same and has_interval(row["low"]):
            text = with_interval(row["difference"], row["low"], row["high"], margin=margin)
        found = (agree if same else differ) if has_interval(row["low"]) else unjudged
        found.append(f"{cells_name(row) or method_name(row['method'])}: {text.removeprefix('no verdict: ')}")
    corrected = _without_correction(primary, margin)
    first = _listed(f"Analyses with another verdict{corrected}", differ)
    more = (
        _listed(f"Analyses with the same verdict{corrected}", agree),
        _listed("Analyses without a verdict", unjudged),
    )
    return first, " ".join(filter(None, more))


def asked_again(primary: Row, by_role: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Return the rows that ask the primary question by other methods, on other targets, or without leaked cells."""
    cells = ("scope", "language_set")
    without = [row for row in by_role.get(NO_OVERLAP, []) if all(row[name] == primary[name] for name in cells)]
    return [*without, *by_role.get("sensitivity", [])]


def _listed(words: str, texts: Sequence[str]) -> str:
    return f"{words}: {'; '.join(texts)}." if texts else ""


def _uncorrected(primary: Row, margin: float) -> str:
    """Return the judgement on the primary contrast before the correction for several contrasts."""
    return judged(primary["low"], primary["high"], margin)[0] if has_interval(primary["low"]) else ""


def _without_correction(primary: Row, margin: float) -> str:
    """Return which verdict others are compared with, if the correction has changed it."""
    return "" if _uncorrected(primary, margin) == primary["judgement"] else " (before the correction)"


def leave_one_out(primary: Row, rows_left_out: Sequence[Row], margin: float) -> str:
    """Say how the primary contrast ranges when one group, language or form is left out; empty without any.

    Verdicts are compared as in :func:`other_analyses`.
    """
    rows = sorted((row for row in rows_left_out if row["difference"] != ""), key=lambda row: row["difference"])
    if not rows:
        return ""
    low, high = (f"{points(row['difference'], signed=True)} (without {_left_out(row)})" for row in (rows[0], rows[-1]))
    words = [text for kind, text in KINDS.items() if kind in {row["left_out_kind"] for row in rows}]
    what = " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    verdict, corrected = _uncorrected(primary, margin), _without_correction(primary, margin)
    others = [f"without {_left_out(row)} ({row['judgement'] or 'none'})" for row in rows if row["judgement"] != verdict]
    if others:
        verdicts = f"another verdict{corrected} {', '.join(others)}"
    elif verdict:
        verdicts = f"the same verdict{corrected} in all {len(rows)} cases"
    else:
        verdicts = "no verdict in any case"
    return f"With one {what} left out: {low} to {high}; {verdicts}."
