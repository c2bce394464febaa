"""Contrasts: differences between families, arms and controls, the primary one first."""

from dataclasses import dataclass

import pandas as pd

from codestilts.config.scopes import ALL_GROUPS
from codestilts.display_names import side_name
from codestilts.evaluation.statistics.bootstrap import Estimate, estimate
from codestilts.evaluation.statistics.design import NONE, Design
from codestilts.evaluation.statistics.effects import Side, arm_side, family_side
from codestilts.evaluation.statistics.means import (
    COUNTS,
    INTERVAL,
    NO_OVERLAPS,
    common_means,
    count,
    estimate_columns,
)
from codestilts.evaluation.statistics.resampling import Cells
from codestilts.evaluation.statistics.verdicts import in_points, judged

COLUMNS = ["plus", "plus_kind", "minus", "minus_kind", "role", "scope", "scope_kind", "language_set", *COUNTS,
           "difference", *INTERVAL, "verdict"]  # fmt: skip

NO_OVERLAP = "no overlap"  # the role of contrasts without the arms that are trained on a target's own data


@dataclass(frozen=True)
class Question:
    """A contrast to be asked: ``plus`` minus ``minus`` in a scope and a set of languages.

    ``role`` is primary, group, suite, no overlap, language set, language, cell (a target in a language), reference (a
    family minus ``none``), control or variant.
    """

    role: str
    plus: Side
    minus: Side
    scope: str
    language_set: str


def contrasts(cells: Cells, design: Design) -> pd.DataFrame:
    """Return the primary contrast, then all others (:func:`questions`), with a verdict in words.

    ``plus`` and ``minus`` are names of arms or families, as ``plus_kind`` and ``minus_kind`` say. A question without
    data has no row.
    """
    rows = []
    for question in questions(design):
        scope_kind, targets = design.scopes[question.scope]
        without, sides = NO_OVERLAPS, [question.plus.arms, question.minus.arms]
        if question.role == NO_OVERLAP:
            without, targets = design.overlaps, _without_overlap(design, targets, sides)
        languages = design.languages_of(question.language_set, zero_shot=question.role == "language")
        plus, minus = common_means(cells, sides, targets, languages, without)
        difference = estimate(cells, plus - minus, design.settings.confidence)
        if difference:
            asked = {
                "plus": question.plus.name,
                "plus_kind": question.plus.kind,
                "minus": question.minus.name,
                "minus_kind": question.minus.kind,
                "role": question.role,
                "scope": question.scope,
                "scope_kind": scope_kind,
                "language_set": question.language_set,
            }
            words = verdict(difference, question.plus, question.minus, design.settings.margin)
            rows.append({**asked, **count(cells, plus), **estimate_columns(difference, "difference"), "verdict": words})
    return pd.DataFrame(rows, columns=COLUMNS)


def _without_overlap(design: Design, scopes: list[list[str]], sides: list[list[str]]) -> list[list[str]]:
    """The targets of scopes for which each side has an arm that does not share their data."""

    def separate(target: str) -> bool:
        return all(any(target not in design.overlaps.get(arm, ()) for arm in arms) for arms in sides)

    return [[target for target in scope if separate(target)] for scope in scopes]


def questions(design: Design) -> list[Question]:
    """Return every contrast that the study asks, the primary one first."""
    plus, minus = (family_side(design, family) for family in design.settings.contrast)
    return [*_primary_pair(design, plus, minus), *_references(design, plus, minus), *_variants(design)]


def _primary_pair(design: Design, plus: Side, minus: Side) -> list[Question]:
    """The two families of the primary contrast, in all scopes and languages."""
    main, sets, scopes = design.settings.language_set, design.language_sets, design.scopes
    languages = sorted({*sets["source"], *sets["zero_shot"]})
    asked = [("primary", ALL_GROUPS, main)]
    asked += [("group", scope, main) for scope in sorted(scopes) if scopes[scope][0] == "group"]
    asked += [("suite", scope, "zero_shot") for scope in _other_suites(design)]
    if any(design.overlaps.get(arm) for arm in [*plus.arms, *minus.arms]):
        asked.append((NO_OVERLAP, ALL_GROUPS, main))
        asked += [(NO_OVERLAP, scope, "zero_shot") for scope in _other_suites(design)]
    asked += [("language set", ALL_GROUPS, name) for name in sets if name != main]
    asked += [("language", ALL_GROUPS, language) for language in languages]
    asked += [("cell", target, language) for target in design.settings.targets for language in languages]
    return [Question(role, plus, minus, scope, language_set) for role, scope, language_set in asked]


def _references(design: Design, *families: Side) -> list[Question]:
    """Each family minus ``none``, then minus each of the controls for it."""
    main, asked = design.settings.language_set, []
    for family in families:
        controls = [name for name, arm in design.settings.arms.items() if family.name in arm.controls_for]
        asked.append(Question("reference", family, arm_side(NONE), ALL_GROUPS, main))
        asked += [Question("control", family, arm_side(control), ALL_GROUPS, main) for control in controls]
    return asked


def _variants(design: Design) -> list[Question]:
    """Each variant minus the arm that it is a variant of."""
    bases = {name: arm.base for name, arm in design.settings.arms.items() if arm.base}
    scopes, main = [ALL_GROUPS, *_other_suites(design)], design.settings.language_set
    return [
        Question("variant", arm_side(variant), arm_side(base), scope, main)
        for variant, base in bases.items()
        for scope in scopes
    ]


def _other_suites(design: Design) -> list[str]:
    """The means over all groups of the suites other than that of the primary contrast."""
    return [scope for scope, (kind, _) in design.scopes.items() if kind == "all" and scope != ALL_GROUPS]


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
        return f"no difference of {in_points(margin)} or more"
    if word == "undecided":
        return f"undecided: neither zero nor {in_points(margin)} or more is excluded" if margin else "undecided"
    return f"{side_name(plus.name, plus.kind)} is {word} than {side_name(minus.name, minus.kind)}{by}"
