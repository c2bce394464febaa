"""The answer of a study in sentences that claim no more than its intervals."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from codestilts.config.scopes import ALL_GROUPS
from codestilts.display_names import language_name, scope_name, side_name
from codestilts.evaluation.statistics.design import Design
from codestilts.evaluation.statistics.verdicts import has_interval, in_points, judged
from codestilts.reporting.tables import points, with_interval

Row = dict[str, Any]


def rows(table: pd.DataFrame) -> list[Row]:
    """Return a table as dictionaries, with empty texts for gaps."""
    records = table.astype(object).fillna("").to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in records]


def headline(primary: Row, margin: float, references: Sequence[Row] = ()) -> str:
    """Return the answer in two sentences that claim no more than the intervals: gains first, then the contrast.

    Args:
        primary: The row of the primary contrast.
        margin: The smallest difference of interest, in points.
        references: The rows of each side minus ``none``: the better of two may still be worse than none.
    """
    plus, minus = _sides(primary)
    if not has_interval(primary["low"]):
        reason = primary.get("note") or "no variance"
        return f"No verdict on intermediate-task training on {plus} and on {minus}: {reason}."
    word, size = _judged(primary, margin)
    if word == "equal":
        answer = f"Between {plus} and {minus} there is no difference of {in_points(margin)} or more."
    elif word == "undecided":
        answer = f"This study cannot tell whether training on {plus} or on {minus} is better."
    else:
        answer = f"Training on {plus} is {word} than on {minus}{size}."
    return " ".join([*_gains(references, margin), answer])


def _judged(row: Row, margin: float) -> tuple[str, str]:
    """The judgement of a contrast and its size in words; confirmatory ones are corrected for their number."""
    word, size = judged(row["low"], row["high"], margin)
    return (word, size) if row.get("judgement", word) == word else (row["judgement"], "")


def _sides(contrast: Row) -> tuple[str, str]:
    plus, minus = ((contrast[side], contrast[f"{side}_kind"]) for side in ("plus", "minus"))
    return side_name(*plus), side_name(*minus)


def _gains(references: Sequence[Row], margin: float) -> list[str]:
    """A sentence that says which sides help, compared with no intermediate-task training."""
    words = {"equal": f"no different by {in_points(margin)} or more"}
    judgements = [
        (_sides(row)[0], _judged(row, margin)[0] if has_interval(row["low"]) else "undecided") for row in references
    ]
    if not judgements:
        return []
    found = {word for _, word in judgements}
    helping = [side for side, word in judgements if word == "better"]
    if len(judgements) > 1 and len(found) == 1:
        text = f"both are {words.get(*found, *found)}"
    else:
        text = " and ".join(f"{side} is {words.get(word, word)}" for side, word in judgements)
    if len(helping) > 1:
        lead = "intermediate-task training on both helps"
    elif helping:
        lead = f"intermediate-task training on {helping[0]} helps"
    else:
        lead = "neither helps" if "undecided" not in found else "neither is shown to help"
    return [f"At this scale {lead}: compared with no intermediate training, {text}."]


def leave_one_out(rows_left_out: Sequence[Row]) -> str:
    """Return the range of the primary contrast when one group, language or form is left out; empty without any."""
    left_out = {"group": scope_name, "language": language_name, "form": "the form {}".format}
    found = sorted(
        (row["difference"], left_out[row["left_out_kind"]](row["left_out"]))
        for row in rows_left_out
        if row["difference"] != ""
    )
    if not found:
        return ""
    (low, without), (high, other) = found[0], found[-1]
    return f"{points(low, signed=True)} (without {without}) to {points(high, signed=True)} (without {other})"


def largest_gain(effects: pd.DataFrame, language_set: str) -> Row | None:
    """Return the row of the arm with the largest effect over all groups of targets: of any family, or a control."""
    arms = effects[(effects["kind"] == "arm") & (effects["init"] == "pretrained")]
    chosen = arms[(arms["scope"] == ALL_GROUPS) & (arms["language_set"] == language_set)].dropna(subset="effect")
    return rows(chosen.nlargest(1, "effect"))[0] if len(chosen) else None


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
