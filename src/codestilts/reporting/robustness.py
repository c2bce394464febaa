"""Whether the verdict on the primary contrast depends on the method, or on some groups, languages, forms or targets."""

from collections.abc import Sequence

from codestilts.display_names import language_name, method_name, scope_name
from codestilts.evaluation.statistics.verdicts import has_interval
from codestilts.reporting.answer import Row, described
from codestilts.reporting.tables import points, with_interval

SENSITIVITY = ["sensitivity", "leave one out"]  # roles of the primary contrast by other methods and on other cells
KINDS = {"group": "group of targets", "language": "language", "form": "form"}  # of what is left out


def cells_name(row: Row) -> str:
    """Return in words which cells a row of the primary contrast has that the contrast itself has not; empty if none."""
    if row["left_out_kind"] == "targets":
        return f"without targets that fail their checks ({row['left_out'].replace(' ', ', ')})"
    if row["left_out"]:
        return f"without {_left_out(row)}"
    return "with near targets" if row["near"] == "kept" else ""


def _left_out(row: Row) -> str:
    names = {"group": scope_name, "language": language_name, "form": "the form {}".format}
    return names[row["left_out_kind"]](row["left_out"])


def other_analyses(primary: Row, others: Sequence[Row], margin: float) -> tuple[str, str]:
    """Say which other methods and sets of targets judge the primary contrast otherwise, and which the same way.

    Each is empty without any.
    """
    differ: list[str] = []
    agree: list[str] = []
    for row in others:
        same = row["judgement"] == primary["judgement"]
        text = described(row, margin)
        if same and has_interval(row["low"]):
            text = with_interval(row["difference"], row["low"], row["high"], margin=margin)
        (agree if same else differ).append(f"{cells_name(row) or method_name(row['method'])}: {text}")
    found = (("Analyses with another verdict", differ), ("Analyses with the same verdict", agree))
    first, second = (f"{words}: {'; '.join(texts)}." if texts else "" for words, texts in found)
    return first, second


def leave_one_out(rows_left_out: Sequence[Row], judgement: str) -> str:
    """Say how the primary contrast ranges when one group, language or form is left out; empty without any.

    ``judgement`` is that of the primary contrast, from which others may differ.
    """
    rows = sorted((row for row in rows_left_out if row["difference"] != ""), key=lambda row: row["difference"])
    if not rows:
        return ""
    low, high = (f"{points(row['difference'], signed=True)} (without {_left_out(row)})" for row in (rows[0], rows[-1]))
    words = [text for kind, text in KINDS.items() if kind in {row["left_out_kind"] for row in rows}]
    what = " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    others = [
        f"without {_left_out(row)} ({row['judgement'] or 'none'})" for row in rows if row["judgement"] != judgement
    ]
    verdicts = f"another verdict {', '.join(others)}" if others else f"the same verdict in all {len(rows)} cases"
    return f"With one {what} left out: {low} to {high}; {verdicts}."
