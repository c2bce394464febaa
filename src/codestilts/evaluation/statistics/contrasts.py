"""The study's questions as weighted sums of cells: effects of arms, contrasts of families, checks of targets."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from codestilts.config.scopes import ALL_GROUPS
from codestilts.display_names import said
from codestilts.evaluation.statistics.bootstrap import BASELINE, Cells, Estimate, estimate
from codestilts.evaluation.statistics.design import Design, scopes_of
from codestilts.evaluation.statistics.verdicts import in_points, judged

COUNTED = ["languages", "targets", "cells"]  # what a value is the mean of
INTERVAL = ["low", "high", "p", "seeds", "by_seed", "note"]
EFFECTS = ["arm", "family", "scope", "kind", "overlaps", "language_set", *COUNTED, "none", "effect", *INTERVAL]
CONTRASTS = ["name", "role", "scope", "language_set", *COUNTED, "difference", *INTERVAL, "verdict"]
CHECKS = ["target", "group", "trained", "languages", "rival", "none", "rival_value", "margin", *INTERVAL, "passed"]
COUNTS = ["target", "group", "language", "examples", "units", "seen", "few", "none", "low", "high", "note"]

APART = "no overlap"  # the role of contrasts without arms that are trained on a target's own data
NOTHING: Mapping[str, Collection[str]] = MappingProxyType({})

Languages = Collection[str] | Mapping[str, Collection[str]]  # the same for all targets, or each target's own


def mean_over(
    cells: Cells, arms: list[str], scopes: list[list[str]], languages: Languages, without: Mapping = NOTHING
) -> np.ndarray:
    """Weights (arms x targets x languages) of a mean of means: over arms, over scopes, targets in a scope,
    languages. See :func:`weigh`.
    """
    return weigh(cells, [arms], scopes, languages, without)[0]


def weigh(
    cells: Cells,
    sides: Sequence[list[str]],
    scopes: list[list[str]],
    languages: Languages,
    without: Mapping[str, Collection[str]] = NOTHING,
) -> list[np.ndarray]:
    """Weights (arms x targets x languages) of the mean of each side, over the cells that all sides have.

    A mean of means: over languages, over the targets of a scope (``scopes`` are lists of targets, one list a group),
    over scopes. A side has a cell (target, language) if all its arms have data there; what one side lacks is left out
    of all, before anything is weighted. Without any common cell all weights are zero. ``without``: targets (by arm) in
    whose means an arm has no part.
    """
    weights = [np.zeros(cells.by_seed.shape[1:]) for _ in sides]
    present = ~np.isnan(cells.draws[0])
    rows = [[cells.arms.index(arm) for arm in arms if arm in cells.arms] for arms in sides]
    usable = []
    for scope in scopes:
        targets = {}
        for target in set(scope) & set(cells.targets):
            j = cells.targets.index(target)
            own = [[i for i in side if target not in without.get(cells.arms[i], ())] for side in rows]
            chosen = languages.get(target, ()) if isinstance(languages, Mapping) else languages
            columns = [cells.languages.index(name) for name in chosen if name in cells.languages]
            common = [k for k in columns if all(side and present[side, j, k].all() for side in own)]
            if common:
                targets[j] = own, common
        usable.append(targets)
    usable = [targets for targets in usable if targets]
    for targets in usable:
        for j, (own, common) in targets.items():
            for table, side in zip(weights, own, strict=True):
                for k in common:
                    table[side, j, k] += 1 / (len(side) * len(usable) * len(targets) * len(common))
    return weights


def counted(weights: np.ndarray) -> dict[str, int]:
    """How many languages, targets and cells (a target in a language) a mean has."""
    used = np.asarray(weights.any(axis=0))
    return {"languages": int(used.any(axis=0).sum()), "targets": int(used.any(axis=1).sum()), "cells": int(used.sum())}


def observed(cells: Cells, weights: np.ndarray) -> float:
    """The weighted sum of cells as observed, in points."""
    return float(cells.draws[0][weights != 0] @ weights[weights != 0])


def sides(design: Design) -> dict[str, tuple[str, list[str]]]:
    """Every arm and every family's mean: name -> (family, arms)."""
    out = {arm: (family, [arm]) for arm, family in design.families.items() if arm != "none"}
    return out | {f"{family} family": (family, design.arms_of(family)) for family in design.contrast}


def effects(cells: Cells, design: Design) -> pd.DataFrame:
    """Each arm minus ``none`` on each target, group and their mean, for each set of languages and each language.

    ``none`` is the value of that arm in the same cells; an arm without any has no row.
    """
    sets = [*design.language_sets, *sorted(cells.languages)]
    rows = []
    for language_set in dict.fromkeys(sets):
        languages = design.languages_of(language_set)
        for scope, (kind, targets) in scopes_of(design).items():
            for arm, (family, arms) in sides(design).items():
                own, none = weigh(cells, [arms, ["none"]], targets, languages)
                found = estimate(cells, own - none, design.confidence)
                if found:
                    about = {
                        "arm": arm,
                        "family": family,
                        "scope": scope,
                        "kind": kind,
                        "overlaps": any(scope in design.overlaps.get(name, []) for name in arms),
                        "language_set": language_set,
                    }
                    reference = {**counted(none), "none": observed(cells, none)}
                    rows.append({**about, **reference, **columns(found, "effect")})
    return pd.DataFrame(rows, columns=EFFECTS)


def columns(found: Estimate, name: str) -> dict[str, object]:
    """An estimate as columns: value, interval, p, number of seeds, the value of each seed, and why there is no
    interval.
    """
    seeds = " ".join(f"{value:.3f}" for value in found.by_seed)
    numbers = {name: found.value, "low": found.low, "high": found.high, "p": found.p}
    return {**numbers, "seeds": len(found.by_seed), "by_seed": seeds, "note": found.note}


def contrasts(cells: Cells, design: Design) -> pd.DataFrame:
    """The primary contrast first (first family minus second, in the languages of the contrast, mean over groups),
    then others.

    Columns: name, role (primary, group, suite, no overlap, languages, language, cell, beside, control, variant),
    scope, language_set, languages, targets, cells, difference, interval, p, seeds, note, verdict (in words).
    """
    scopes, rows = scopes_of(design), []
    for name, role, plus, minus, scope, language_set in questions(design):
        without, targets = NOTHING, scopes[scope][1]
        if role == APART:
            without, targets = design.overlaps, _apart(design, targets, plus, minus)
        languages = design.languages_of(language_set, zero_shot=role == "language")
        ours, theirs = weigh(cells, [plus, minus], targets, languages, without)
        found = estimate(cells, ours - theirs, design.confidence)
        if found:
            about = {"name": name, "role": role, "scope": scope, "language_set": language_set}
            plus_name, minus_name = name.split(" minus ")
            words = verdict(found, plus_name, minus_name, design.margin)
            rows.append({**about, **counted(ours), **columns(found, "difference"), "verdict": words})
    return pd.DataFrame(rows, columns=CONTRASTS)


def _apart(design: Design, scopes: list[list[str]], *sides: list[str]) -> list[list[str]]:
    """The targets of scopes for which each side has an arm that doesn't share their data."""

    def free(target: str) -> bool:
        return all(any(target not in design.overlaps.get(arm, []) for arm in arms) for arms in sides)

    return [[target for target in scope if free(target)] for scope in scopes]


def questions(design: Design) -> list[tuple[str, str, list[str], list[str], str, str]]:
    """Every contrast asked: (name, role, arms, arms to compare with, scope, language set); the primary one
    first.
    """
    first, second = design.contrast
    ours, theirs = design.arms_of(first), design.arms_of(second)
    name = f"{first} minus {second}"
    main = design.primary_set
    asked = [(name, "primary", ours, theirs, ALL_GROUPS, main)]
    scopes = scopes_of(design)
    asked += [(name, "group", ours, theirs, scope, main) for scope in sorted(scopes) if scopes[scope][0] == "group"]
    rest = [scope for scope, (kind, _) in scopes.items() if kind == "all" and scope != ALL_GROUPS]
    asked += [(name, "suite", ours, theirs, scope, "zero_shot") for scope in rest]
    if any(design.overlaps.get(arm) for arm in [*ours, *theirs]):
        asked.append((name, APART, ours, theirs, ALL_GROUPS, main))
        asked += [(name, APART, ours, theirs, scope, "zero_shot") for scope in rest]
    others = [language_set for language_set in design.language_sets if language_set != main]
    asked += [(name, "languages", ours, theirs, ALL_GROUPS, language_set) for language_set in others]
    languages = sorted({*design.language_sets["source"], *design.language_sets["zero_shot"]})
    asked += [(name, "language", ours, theirs, ALL_GROUPS, language) for language in languages]
    asked += [(name, "cell", ours, theirs, target, language) for target in design.groups for language in languages]
    for family, arms in ((first, ours), (second, theirs)):
        asked.append((f"{family} minus none", "beside", arms, ["none"], ALL_GROUPS, main))
        controls = [control for control, families in design.controls_for.items() if family in families]
        asked += [(f"{family} minus {control}", "control", arms, [control], ALL_GROUPS, main) for control in controls]
    for variant, base in design.bases.items():
        asked += [
            (f"{variant} minus {base}", "variant", [variant], [base], scope, main) for scope in (ALL_GROUPS, *rest)
        ]
    return asked


def verdict(found: Estimate, plus: str, minus: str, margin: float) -> str:
    """What an estimate allows one to say of two sides, in words; ``margin`` in points is the smallest difference of
    interest.
    """
    if found.note:
        return f"no verdict: {found.note}"
    word, by = judged(found.low, found.high, margin)
    if word == "equal":
        return f"no difference of {in_points(margin)} or more"
    if word == "undecided":
        return f"undecided: neither zero nor {in_points(margin)} or more is excluded" if margin else "undecided"
    return f"{said(plus)} is {word} than {said(minus)}{by}"


def target_checks(cells: Cells, design: Design) -> pd.DataFrame:
    """Does each target learn? Arm ``none`` on the source language against each trivial baseline and random
    weights.

    A target that is not trained, or has no source-language test rows, is checked on the mean of its languages: those
    that ``none`` and the rival both have. ``none``, ``rival_value`` and ``languages`` are of these. ``passed``: the
    margin's interval lies above zero; empty where there is no interval.
    """
    rows = []
    rivals = [*(arm for arm in cells.arms if arm.startswith(BASELINE)), *design.random]
    for target, group in design.groups.items():
        if target not in cells.targets:
            continue
        here: Sequence[str] = design.languages_of("source")[target]
        if not mean_over(cells, ["none"], [[target]], here).any():
            here = cells.languages
        for rival in rivals:
            own, against = weigh(cells, [["none"], [rival]], [[target]], here)
            found = estimate(cells, own - against, design.confidence)
            if found:
                names = [cells.languages[k] for k in np.flatnonzero(own.any(axis=(0, 1)))]
                where = "all" if here is cells.languages else " ".join(names)
                about = {"target": target, "group": group, "trained": target in design.trained, "languages": where}
                what = {"rival": rival, "none": observed(cells, own), "rival_value": observed(cells, against)}
                passed = None if found.note else found.low > 0
                rows.append({**about, **what, **columns(found, "margin"), "passed": passed})
    return pd.DataFrame(rows, columns=CHECKS)


def counts(cells: Cells, design: Design, least: int = 200) -> pd.DataFrame:
    """Per target and language: test examples, units, the value of ``none`` and its interval;
    few examples marked. A cell that ``none`` lacks has its sizes only.
    """
    rows = []
    for j, target in enumerate(cells.targets):
        for k, language in enumerate(cells.languages):
            if not cells.examples[j, k] or target not in design.groups:
                continue
            found = estimate(cells, mean_over(cells, ["none"], [[target]], [language]), design.confidence)
            size = {"examples": int(cells.examples[j, k]), "units": int(cells.units[j, k])}
            about = {"target": target, "group": design.groups[target], "language": language, **size}
            about |= {"seen": language in design.languages_of("seen")[target], "few": size["examples"] < least}
            reached = {"none": found.value, "low": found.low, "high": found.high, "note": found.note} if found else {}
            rows.append({**about, **(reached or {"note": "none has no data"})})
    return pd.DataFrame(rows, columns=COUNTS)
