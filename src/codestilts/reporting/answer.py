"""What a study answers, in sentences that are no stronger than its intervals."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from codestilts.display_names import said
from codestilts.evaluation.statistics.design import Design
from codestilts.evaluation.statistics.verdicts import has_interval, in_points, judged
from codestilts.reporting.tables import with_interval

Row = dict[str, Any]


def rows(table: pd.DataFrame) -> list[Row]:
    """A table as dictionaries, gaps as empty texts."""
    return [
        {str(key): value for key, value in row.items()} for row in table.astype(object).fillna("").to_dict("records")
    ]


def headline(primary: Row, margin: float, beside: Sequence[Row] = ()) -> str:
    """The answer in one or two sentences, no stronger than the intervals allow.

    ``beside``: each family minus ``none``. The better of two families may still be worse than none.
    """
    first, second = said(primary["name"]).split(" minus ")
    if not has_interval(primary["low"]):
        return (
            f"No verdict on intermediate training on {first} and on {second}: {primary.get('note') or 'no variance'}."
        )
    word, by = judged(primary["low"], primary["high"], margin)
    if word == "equal":
        answer = f"Intermediate training on {first} or on {second} makes no difference of {in_points(margin)} or more."
    elif word == "undecided":
        answer = f"This study cannot tell whether intermediate training on {first} or on {second} is better."
    else:
        answer = f"Intermediate training on {first} is {word} than on {second}{by}."
    return " ".join([answer, *_against_none(beside, margin)])


def _against_none(beside: Sequence[Row], margin: float) -> list[str]:
    """What no intermediate training is to each family, in a sentence."""
    words = {"equal": f"no different by {in_points(margin)} or more", "undecided": "undecided"}
    found = []
    for row in beside:
        word = judged(row["low"], row["high"], margin)[0] if has_interval(row["low"]) else "undecided"
        found.append((said(row["name"].split(" minus ")[0]), words.get(word, word)))
    if not found:
        return []
    if len(found) > 1 and len({word for _, word in found}) == 1:
        told = f"{'both are' if found[0][1] != 'undecided' else 'both are still'} {found[0][1]}"
    else:
        told = " and ".join(f"{family} is {word}" for family, word in found)
    return [f"Against no intermediate training, {told}."]


def contrast_languages(contrasts: pd.DataFrame, design: Design) -> list[str]:
    """The languages that the primary contrast is a mean over: those of its set in which it was asked."""
    asked = contrasts.loc[contrasts["role"] == "language", "language_set"]
    return [name for name in asked if name in design.language_sets[design.primary_set]]


def by_group(contrasts: pd.DataFrame, margin: float = 0.0) -> list[str]:
    """Each kind of target in a few words, those that the contrast decides first."""
    decided, others = [], []
    for row in rows(contrasts):
        scope = said(row["scope"])
        if has_interval(row["low"]) and (row["low"] > 0 or row["high"] < 0):
            numbers = with_interval(row["difference"], row["low"], row["high"], margin=margin)
            decided.append(f"{scope}: {row['verdict']} ({numbers})")
        else:
            others.append(scope)
    return [*decided, *([f"{', '.join(others)}: undecided"] if others else [])]
