"""The answer of a study, in sentences that claim no more than its intervals allow."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from codestilts.config.scopes import ALL_GROUPS
from codestilts.display_names import scope_name, side_name
from codestilts.evaluation.statistics.design import Design
from codestilts.evaluation.statistics.verdicts import has_interval, in_points, judged
from codestilts.reporting.tables import points, with_interval

Row = dict[str, Any]
JUDGEMENTS = ["better", "worse", "equal", "undecided", ""]  # decided ones first; the last is that without an interval


def rows(table: pd.DataFrame) -> list[Row]:
    """Return a table as dictionaries, with empty texts for gaps."""
    records = table.astype(object).fillna("").to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in records]


def headline(primary: Row, margin: float, references: Sequence[Row] = ()) -> str:
    """Return the answer in one sentence: the gains first, then the contrast.

    Args:
        primary: The row of the primary contrast.
        margin: The smallest difference of interest, in points.
        references: The rows of each side minus ``none``: the better of two may still be worse than none.
    """
    plus, minus = _sides(primary)
    word, size = _judged(primary, margin) if has_interval(primary["low"]) else ("", "")
    if not word:
        what, reason = f"training on {plus} minus training on {minus}", primary.get("note") or "no variance"
        answer = f"there is no verdict on {what}: {reason}."
    elif word == "equal":
        answer = f"between {plus} and {minus} there is no difference of {in_points(margin)} or more."
    elif word == "undecided":
        answer = f"this study cannot tell whether training on {plus} or on {minus} is better."
    else:
        answer = f"training on {plus} is {word} than on {minus}{size}."
    gains = _gains(references, margin)
    return f"{gains}; {answer}" if gains else answer[0].upper() + answer[1:]


def across_encoders(primaries: Mapping[str, Row | None], margin: float) -> str:
    """Return the verdict on the primary contrast with each of several encoders, in one sentence; empty for one.

    Args:
        primaries: The row of the primary contrast by encoder; None without data.
        margin: The smallest difference of interest, in points.
    """
    shown = next((row for row in primaries.values() if row), None)
    if len(primaries) < 2 or shown is None:
        return ""
    plus, minus = _sides(shown)
    words = {
        "better": f"training on {plus} is better than on {minus}",
        "worse": f"training on {plus} is worse than on {minus}",
        "equal": f"there is no difference of {in_points(margin)} or more between {plus} and {minus}",
        "undecided": f"the study cannot tell whether {plus} or {minus} is better",
        "": "there is no verdict",
    }
    found: dict[str, list[str]] = {word: [] for word in words}
    for encoder, row in primaries.items():
        found[_judged(row, margin)[0] if row and has_interval(row["low"]) else ""].append(encoder)
    phrases = [f"with {', '.join(names)} {words[word]}" for word, names in found.items() if names]
    return f"Of {len(primaries)} encoders: {'; '.join(phrases)}."


def lost_to_correction(row: Row) -> str:
    """Return the verdict on a row if its interval excludes zero but the correction for several tests undoes that."""
    excludes = has_interval(row["low"]) and (row["low"] > 0 or row["high"] < 0)
    return str(row["verdict"]) if excludes and row["judgement"] not in ("better", "worse") else ""


def _judged(row: Row, margin: float) -> tuple[str, str]:
    """The judgement of a contrast and its size in words; confirmatory ones are corrected for their number."""
    word, size = judged(row["low"], row["high"], margin)
    return (word, size) if row.get("judgement", word) == word else (row["judgement"], "")


def _sides(contrast: Row) -> tuple[str, str]:
    plus, minus = ((contrast[side], contrast[f"{side}_kind"]) for side in ("plus", "minus"))
    return side_name(*plus), side_name(*minus)


def _gains(references: Sequence[Row], margin: float) -> str:
    """Say which sides help, compared with no intermediate-task training; empty if there is a verdict on none."""
    sides = [_sides(row)[0] for row in references]
    judgements = [_judged(row, margin) if has_interval(row["low"]) else ("", "") for row in references]
    found = {word for word, _ in judgements}
    if found <= {""}:
        return ""
    sizes = [size for _, size in judgements]
    if len(judgements) > 1 and len(found) == 1:
        own = [f", {side} {size.removeprefix(', ')}" for side, size in zip(sides, sizes, strict=True) if size]
        common = sizes[0] if len(set(sizes)) == 1 else "".join(own)
        text = f"both {_compared(judgements[0][0], margin, several=True)}{common}"
    else:
        phrases = (
            f"{side} {_compared(word, margin)}{size}" if word else f"there is no verdict on {side}"
            for side, (word, size) in zip(sides, judgements, strict=True)
        )
        text = (", and " if any(sizes) else " and ").join(phrases)
    helping = [side for side, (word, _) in zip(sides, judgements, strict=True) if word == "better"]
    if len(helping) > 1:
        lead = "intermediate-task training on both helps"
    elif helping:
        lead = f"intermediate-task training on {helping[0]} helps"
    elif len(judgements) > 1:
        lead = "neither helps" if found == {"worse"} else "neither is shown to help"
    else:
        shown = "does not help" if found == {"worse"} else "is not shown to help"
        lead = f"intermediate-task training on {sides[0]} {shown}"
    return f"At this scale {lead}: compared with no intermediate training, {text}"


def _compared(word: str, margin: float, several: bool = False) -> str:
    """Return a judgement on a side as the rest of a sentence."""
    match word:
        case "equal":
            return f"make{'' if several else 's'} no difference of {in_points(margin)} or more"
        case "undecided":
            return "may be better or worse"
        case _:
            return f"{'are' if several else 'is'} {word}"


def largest_gain(effects: pd.DataFrame, language_set: str) -> Row | None:
    """Return the row of the arm, of any family, with the largest effect over all groups of targets."""
    arms = effects[(effects["kind"] == "arm") & (effects["init"] == "pretrained")]
    chosen = arms[(arms["scope"] == ALL_GROUPS) & (arms["language_set"] == language_set)].dropna(subset="effect")
    return rows(chosen.nlargest(1, "effect"))[0] if len(chosen) else None


def contrast_languages(contrasts: pd.DataFrame, design: Design) -> list[str]:
    """Return the languages over which the primary contrast is averaged: those of its set that have data."""
    languages = contrasts.loc[contrasts["role"] == "language", "language_set"]
    return [name for name in languages if name in design.language_sets[design.settings.language_set]]


def deciding(row: Row, margin: float) -> str:
    """Return in words which difference a contrast can show, and what would decide it; empty without a variance."""
    if not has_interval(row["detectable"]):
        return ""
    texts = [f"detectable with a power of .8: {points(row['detectable'])} points"]
    if row["power_by_seeds"]:
        seeds, powers = zip(*(item.split(": ") for item in row["power_by_seeds"].split(", ")), strict=True)
        texts.append(f"power to find {in_points(margin)} with {', '.join(seeds)} seeds: {', '.join(powers)}")
    if row["to_decide"]:
        texts.append(f"{row['to_decide']} would decide, if the difference stays as it is")
    return "; ".join(texts)


def described(row: Row, margin: float) -> str:
    """Return the verdict on a contrast with its interval."""
    if not has_interval(row["low"]):
        return str(row["verdict"])
    return f"{row['verdict']} ({with_interval(row['difference'], row['low'], row['high'], margin=margin)})"


def by_group(contrasts: Sequence[Row], margin: float) -> list[str]:
    """Return the verdict on each group of targets, decided ones first, and what would decide the others."""
    texts = []
    for row in sorted(contrasts, key=lambda row: JUDGEMENTS.index(row["judgement"])):
        more = deciding(row, margin) if row["judgement"] == "undecided" else ""
        texts.append("; ".join(filter(None, [f"{scope_name(row['scope'])}: {described(row, margin)}", more])))
    return texts


def by_control(contrasts: Sequence[Row], sides: Sequence[str], margin: float) -> list[Row]:
    """Return the contrasts of the families ``sides`` with their controls, and the verdict on each as ``text``."""
    shown = [row for side in sides for row in contrasts if row["plus"] == side]
    return [row | {"text": f"{' minus '.join(_sides(row))}: {described(row, margin)}"} for row in shown]
