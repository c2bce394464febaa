"""The answer of a study in sentences that claim no more than its intervals."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from codestilts.display_names import scope_name, side_name
from codestilts.evaluation.statistics.design import Design
from codestilts.evaluation.statistics.verdicts import has_interval, in_points, judged
from codestilts.reporting.tables import with_interval

Row = dict[str, Any]


def rows(table: pd.DataFrame) -> list[Row]:
    """Return a table as dictionaries, with empty texts for gaps."""
    records = table.astype(object).fillna("").to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in records]


def headline(primary: Row, margin: float, references: Sequence[Row] = ()) -> str:
    """Return the answer in one or two sentences that claim no more than the intervals.

    Args:
        primary: The row of the primary contrast.
        margin: The smallest difference of interest, in points.
        references: The rows of each family minus ``none``: the better of two families may still be worse than none.
    """
    plus, minus = _sides(primary)
    if not has_interval(primary["low"]):
        reason = primary.get("note") or "no variance"
        return f"No verdict on intermediate training on {plus} and on {minus}: {reason}."
    word, size = _judged(primary, margin)
    if word == "equal":
        answer = f"Intermediate training on {plus} or on {minus} makes no difference of {in_points(margin)} or more."
    elif word == "undecided":
        answer = f"This study cannot tell whether intermediate training on {plus} or on {minus} is better."
    else:
        answer = f"Intermediate training on {plus} is {word} than on {minus}{size}."
    return " ".join([answer, *_compared_with_none(references, margin)])


def _judged(row: Row, margin: float) -> tuple[str, str]:
    """The judgement of a contrast and its size in words; confirmatory ones are corrected for their number."""
    word, size = judged(row["low"], row["high"], margin)
    return (word, size) if row.get("judgement", word) == word else (row["judgement"], "")


def _sides(contrast: Row) -> tuple[str, str]:
    plus, minus = ((contrast[side], contrast[f"{side}_kind"]) for side in ("plus", "minus"))
    return side_name(*plus), side_name(*minus)


def _compared_with_none(references: Sequence[Row], margin: float) -> list[str]:
    """A sentence that compares each family with no intermediate training."""
    words = {"equal": f"no different by {in_points(margin)} or more"}
    judgements = []
    for row in references:
        word = _judged(row, margin)[0] if has_interval(row["low"]) else "undecided"
        judgements.append((_sides(row)[0], words.get(word, word)))
    if not judgements:
        return []
    if len(judgements) > 1 and len({word for _, word in judgements}) == 1:
        text = f"both are {judgements[0][1]}"
    else:
        text = " and ".join(f"{family} is {word}" for family, word in judgements)
    return [f"Compared with no intermediate training, {text}."]


def contrast_languages(contrasts: pd.DataFrame, design: Design) -> list[str]:
    """Return the languages that the primary contrast is a mean over: those of its set that have data."""
    languages = contrasts.loc[contrasts["role"] == "language", "language_set"]
    return [name for name in languages if name in design.language_sets[design.settings.language_set]]


def by_group(contrasts: pd.DataFrame, margin: float = 0.0) -> list[str]:
    """Return the verdict on each group of targets in a few words, decided ones first."""
    decided, undecided = [], []
    for row in rows(contrasts):
        scope = scope_name(row["scope"])
        if has_interval(row["low"]) and (row["low"] > 0 or row["high"] < 0):
            numbers = with_interval(row["difference"], row["low"], row["high"], margin=margin)
            decided.append(f"{scope}: {row['verdict']} ({numbers})")
        else:
            undecided.append(scope)
    return [*decided, *([f"{', '.join(undecided)}: undecided"] if undecided else [])]
