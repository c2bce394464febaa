"""Effects: each arm, and the mean of each family of the primary contrast, minus no intermediate training."""

from dataclasses import dataclass

import pandas as pd

from codestilts.columns import NONE
from codestilts.evaluation.statistics.design import Design
from codestilts.evaluation.statistics.estimates import estimate
from codestilts.evaluation.statistics.means import (
    COUNTS,
    INTERVAL,
    common_means,
    count,
    estimate_columns,
    mean_over,
    observed,
)
from codestilts.evaluation.statistics.multiplicity import corrected_within
from codestilts.evaluation.statistics.resampling import Scores

COLUMNS = ["arm", "kind", "family", "init", "scope", "scope_kind", "overlaps", "language_set", *COUNTS, "none",
           "effect", *INTERVAL, "p_bh"]  # fmt: skip


@dataclass(frozen=True)
class Side:
    """One side of a difference: an arm, or the mean of a family's arms."""

    name: str
    kind: str  # arm or family
    arms: list[str]


def arm_side(name: str) -> Side:
    """Return the side of a single arm."""
    return Side(name, "arm", [name])


def family_side(design: Design, family: str) -> Side:
    """Return the side of the mean of a family's arms."""
    return Side(family, "family", design.arms_of(family))


def effects(scores: Scores, design: Design) -> pd.DataFrame:
    """Return each arm and family minus ``none`` in every scope, for each set of languages and each language.

    ``arm`` is the name of an arm or, where ``kind`` says so, of a family. ``none`` is the value of the arm ``none`` in
    the same cells. An arm without a cell in common with it has no row. ``p_bh`` is corrected for the number of effects
    in the same languages on the same kind of scope (Benjamini and Hochberg).
    """
    sides = [arm_side(name) for name in design.settings.arms if name != NONE]
    sides += [family_side(design, family) for family in design.settings.contrast]
    rows = []
    for language_set in dict.fromkeys([*design.language_sets, *sorted(scores.languages)]):
        languages = design.languages_of(language_set)
        for scope, (scope_kind, targets) in design.scopes.items():
            if not mean_over(scores, [NONE], targets, languages).any():
                continue
            for side in sides:
                ours, none = common_means(scores, [side.arms, [NONE]], targets, languages)
                effect = estimate(scores, ours - none, design.settings)
                if effect:
                    where = {"scope": scope, "scope_kind": scope_kind, "overlaps": _overlaps(design, side, scope)}
                    mean = {"language_set": language_set, **count(scores, none), "none": observed(scores, none)}
                    rows.append({**_described(design, side), **where, **mean, **estimate_columns(effect, "effect")})
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(p_bh=corrected_within(table, ["language_set", "scope_kind"]))


def _described(design: Design, side: Side) -> dict[str, str]:
    arms = design.settings.arms
    family = side.name if side.kind == "family" else arms[side.name].family
    init = "" if side.kind == "family" else arms[side.name].init
    return {"arm": side.name, "kind": side.kind, "family": family, "init": init}


def _overlaps(design: Design, side: Side, target: str) -> bool:
    return any(target in design.overlaps.get(name, ()) for name in side.arms)
