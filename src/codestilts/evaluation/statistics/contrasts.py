"""Contrasts: differences between domains, families, arms and controls, the primary one first."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from codestilts.display_names import side_name
from codestilts.evaluation.statistics.crossed_t import Estimate, Variance, from_variance
from codestilts.evaluation.statistics.design import Design
from codestilts.evaluation.statistics.effects import Side
from codestilts.evaluation.statistics.estimates import METHODS, estimate
from codestilts.evaluation.statistics.means import (
    COUNTS,
    INTERVAL,
    NO_OVERLAPS,
    Weighted,
    common_difference,
    count,
    estimate_columns,
    mean_of_parts,
)
from codestilts.evaluation.statistics.multiplicity import (
    corrected_within,
    holm,
    one_sided,
    partial_conjunction,
    tests_of,
)
from codestilts.evaluation.statistics.power import detectable, power_by_seeds, to_decide
from codestilts.evaluation.statistics.questions import CONFIRMATORY, NO_OVERLAP, TARGETS, Question, questions
from codestilts.evaluation.statistics.resampling import Scores
from codestilts.evaluation.statistics.sensitivity import METHODS as OTHER_METHODS
from codestilts.evaluation.statistics.sensitivity import cell_differences
from codestilts.evaluation.statistics.target_checks import failed_targets, target_checks
from codestilts.evaluation.statistics.verdicts import equivalence, has_interval, in_points, judged, within

ASKED = ["plus", "plus_kind", "minus", "minus_kind", "role", "scope", "scope_kind", "language_set", "form", "near",
         "left_out_kind", "left_out", "method"]  # fmt: skip
VARIANCES = ["variance_seeds", "variance_units", "variance_interaction"]
JUDGED = ["detectable", "power_by_seeds", "to_decide", "languages_better", "languages_worse", "p_holm", "p_bh",
          "judgement", "verdict"]  # fmt: skip
COLUMNS = [*ASKED, *COUNTS, "difference", *INTERVAL, *VARIANCES, *JUDGED]
SAME_AGAIN = ("sensitivity", "leave one out")  # roles that ask the primary question again: not corrected


def contrasts(scores: Scores, design: Design) -> pd.DataFrame:
    """Return the primary contrast, then all others (:func:`questions`), with a verdict in words.

    ``plus`` and ``minus`` name arms, families or domains, as ``plus_kind`` and ``minus_kind`` say. A question without
    data has no row. Verdicts are not corrected yet, and ``p_holm`` and ``p_bh`` are empty: see :func:`corrected`.
    """
    failed = failed_targets(target_checks(scores, design))
    rows = [row for question in questions(design, failed) for row in _rows(scores, design, question)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    first = table.index[table["role"] == "primary"]
    for column, above in (("languages_better", True), ("languages_worse", False)):
        table[column] = table[column].astype(object)
        table.loc[first, column] = shown_languages(table, design, above)
    return table


def corrected(table: pd.DataFrame, confidence: float, margin: float) -> pd.DataFrame:
    """Correct p-values and verdicts for the number of contrasts.

    The confirmatory contrasts of all encoders are corrected together (Holm), all others within an encoder and a role
    (Benjamini and Hochberg). Rows that ask the primary question again (:data:`SAME_AGAIN`) are not corrected.

    Args:
        table: The contrasts of all encoders.
        confidence: The confidence of the intervals.
        margin: The smallest difference of interest, in points.
    """
    confirmatory = table[table["role"].isin(CONFIRMATORY)]
    others = table[~table["role"].isin([*CONFIRMATORY, *SAME_AGAIN])]
    table = table.assign(
        p_holm=pd.Series(holm(confirmatory["p"].to_numpy()), confirmatory.index),
        p_bh=corrected_within(others, ["encoder", "role"]),
        to_decide=table["to_decide"].astype(object),
    )
    _correct_verdicts(table, confirmatory.index, "p_holm", "confirmatory contrasts", confidence, margin)
    for (_, role), part in others.groupby(["encoder", "role"]):
        _correct_verdicts(table, part.index, "p_bh", f"contrasts of the kind {role}", confidence, margin)
    return table


def _correct_verdicts(
    table: pd.DataFrame, rows: pd.Index, column: str, kind: str, confidence: float, margin: float
) -> None:
    """Take back the verdicts that the corrected p in ``column`` does not support, and say what would decide them."""
    unsupported = table.loc[rows, "judgement"].isin(["better", "worse"]) & (table.loc[rows, column] > 1 - confidence)
    tested = table.loc[rows].dropna(subset=[column])
    number = len(tested) if column == "p_holm" else tests_of(tested).nunique()
    for index in rows[unsupported]:
        row = table.loc[index]
        equal = within(row["low"], row["high"], margin)
        words = equivalence(margin, confidence) if equal else "undecided"
        table.loc[index, "verdict"] = f"{words} after the correction for {number} {kind} (without it: {row['verdict']})"
        table.loc[index, "judgement"] = "equal" if equal else "undecided"
    undecided = rows[(table.loc[rows, "judgement"] == "undecided") & table.loc[rows, "variance_seeds"].notna()]
    for index in undecided:
        table.loc[index, "to_decide"] = to_decide(bonferroni(table.loc[index], number, confidence), margin)


def variance_in(row: pd.Series) -> Variance:
    """Return the parts of the variance that a row of crossed t has in its columns."""
    return Variance(int(row["seeds"]), int(row["units"]), *map(float, row[VARIANCES]))


def bonferroni(row: pd.Series, number: int, confidence: float, sign: int = 1) -> Estimate:
    """Return a contrast, times ``sign``, with Bonferroni's wider interval for a number of contrasts.

    What decides this interval decides the contrast, regardless of the other ones.
    """
    variance = variance_in(row)
    return from_variance(np.full(variance.seeds, sign * row["difference"]), variance, 1 - (1 - confidence) / number)


def weights(scores: Scores, design: Design, question: Question) -> list[Weighted]:
    """Return the weights of the parts of a contrast, without parts that have no data."""
    without = design.overlaps if question.role == NO_OVERLAP else NO_OVERLAPS
    out = _targets_left_out(question, design)
    scopes = [[name for name in scope if name not in out] for scope in design.scopes[question.scope][1]]
    languages = design.languages_of(question.language_set, zero_shot=question.role == "language")
    if question.left_out_kind == "language":
        languages = {name: [each for each in some if each != question.left_out] for name, some in languages.items()}
    found = []
    for part in question.parts:
        if question.left_out_kind == "form" and part.form == question.left_out:
            continue
        sides = [(sign, arms) for sign, group in ((1, part.plus), (-1, part.minus), (0, part.also)) for arms in group]
        found.append(common_difference(scores, sides, part.targets(scopes), languages, without))
    return [part for part in found if part]


def _targets_left_out(question: Question, design: Design) -> set[str]:
    match question.left_out_kind:
        case "group":
            return {name for name, target in design.settings.targets.items() if target.group == question.left_out}
        case kind if kind == TARGETS:
            return set(question.left_out.split())
        case _:
            return set()


def _rows(scores: Scores, design: Design, question: Question) -> Iterator[dict[str, Any]]:
    """Yield the row of a question and, for the primary contrast, those of other methods; nothing without data."""
    parts, settings = weights(scores, design, question), design.settings
    if not parts:
        return
    mean = mean_of_parts(parts)
    if question.left_out:
        whole = mean_of_parts(weights(scores, design, replace(question, left_out="", left_out_kind="")))
        if np.array_equal(mean.side, whole.side):
            return
        if question.left_out_kind == TARGETS:
            there = {scores.targets[cell // len(scores.languages)] for cell in scores.cells[np.flatnonzero(whole.side)]}
            question = replace(question, left_out=" ".join(name for name in question.left_out.split() if name in there))
    counted = count(scores, mean.side)
    if difference := estimate(scores, mean.difference, settings):
        yield _row(design, question, settings.interval, difference, counted)
    if question.role == "primary":
        as_sensitivity = replace(question, role="sensitivity")
        for method in METHODS:
            if method != settings.interval and (other := estimate(scores, mean.difference, settings, method)):
                yield _row(design, as_sensitivity, method, other, counted)
        table = cell_differences(scores, design, parts)
        for method, estimator in OTHER_METHODS.items():
            yield _row(design, as_sensitivity, method, estimator(table, settings.confidence), counted)


def _row(design: Design, question: Question, method: str, found: Estimate, counted: dict[str, float]) -> dict[str, Any]:
    margin, parts = design.settings.margin, question.parts
    variance = found.variance
    words, judgement = verdict(found, question.plus, question.minus, margin), ""
    if has_interval(found.low):
        judgement = judged(found.low, found.high, margin)[0]
    return {
        "plus": question.plus.name,
        "plus_kind": question.plus.kind,
        "minus": question.minus.name,
        "minus_kind": question.minus.kind,
        "role": question.role,
        "scope": question.scope,
        "scope_kind": design.scopes[question.scope][0],
        "language_set": question.language_set,
        "form": parts[0].form if len(parts) == 1 else "",
        "near": question.near,
        "left_out_kind": question.left_out_kind,
        "left_out": question.left_out,
        "method": method,
        **counted,
        **estimate_columns(found, "difference"),
        "variance_seeds": variance.of_seeds if variance else np.nan,
        "variance_units": variance.of_units if variance else np.nan,
        "variance_interaction": variance.of_both if variance else np.nan,
        "detectable": detectable(found),
        "power_by_seeds": power_by_seeds(found, margin),
        "to_decide": to_decide(found, margin) if judgement == "undecided" else "",
        "p_holm": np.nan,
        "p_bh": np.nan,
        "judgement": judgement,
        "verdict": words,
    }


def shown_languages(table: pd.DataFrame, design: Design, above: bool) -> str:
    """Return in how many languages of the primary contrast a difference of one sign is shown: ``2 of 12``.

    The p-values of the languages are one-sided, each compared with half of 1 - confidence.
    """
    names = design.language_sets[design.settings.language_set]
    rows = table[(table["role"] == "language") & table["language_set"].isin(names)].dropna(subset="p")
    values = zip(rows["p"].astype(float), rows["difference"].astype(float), strict=True)
    p = [one_sided(value, difference, above) for value, difference in values]
    return f"{partial_conjunction(p, (1 - design.settings.confidence) / 2)} of {len(p)}" if p else ""


def verdict(difference: Estimate, plus: Side, minus: Side, margin: float) -> str:
    """Return what an estimate allows one to say of two sides.

    Args:
        difference: The estimate of ``plus`` minus ``minus``.
        plus: The first side.
        minus: The second side.
        margin: The smallest difference of interest, in points.
    """
    if difference.note:
        return f"no verdict: {difference.note}"
    word, by = judged(difference.low, difference.high, margin)
    if word == "equal":
        return equivalence(margin, difference.confidence)
    if word == "undecided":
        more = f": zero and a difference of {in_points(margin)} or more are both possible" if margin else ""
        return f"undecided{more}"
    return f"{side_name(plus.name, plus.kind)} is {word} than {side_name(minus.name, minus.kind)}{by}"
