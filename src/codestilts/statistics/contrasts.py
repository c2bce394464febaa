"""The study's questions as weighted sums of cells: effects of arms, contrasts of families, checks of targets."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from codestilts.statistics.bootstrap import Cells, Estimate, estimate
from codestilts.statistics.design import ALL_GROUPS, Design, scopes_of
from codestilts.tables import said

INTERVAL = ["low", "high", "p", "seeds", "by_seed"]
EFFECTS = ["arm", "family", "scope", "kind", "overlaps", "language_set", "languages", "none", "effect", *INTERVAL]
CONTRASTS = ["name", "role", "scope", "language_set", "languages", "difference", *INTERVAL, "verdict"]
CHECKS = ["target", "group", "trained", "languages", "rival", "none", "rival_value", "margin", *INTERVAL, "passed"]
COUNTS = ["target", "group", "language", "examples", "clusters", "seen", "few", "none", "low", "high"]

RANDOM = "random"
APART = "no overlap"  # the role of contrasts without arms that are trained on a target's own data


def mean_over(
    cells: Cells,
    arms: list[str],
    scopes: list[list[str]],
    languages: list[str],
    without: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> np.ndarray:
    """Weights (arms x targets x languages) of a mean of means: over arms, over scopes, targets in a scope,
    languages.

    ``scopes`` are lists of targets (one list a group). Cells without data are left out, and so are targets
    and scopes that have none in these languages; no data at all gives zeros. ``without``: targets (by arm) in whose
    means an arm has no part.
    """
    weights = np.zeros(cells.by_seed.shape[1:])
    rows = [cells.arms.index(arm) for arm in arms if arm in cells.arms]
    columns = [cells.languages.index(name) for name in languages if name in cells.languages]
    if not rows or not columns:
        return weights
    usable = []
    for scope in scopes:
        targets = {}
        for target in scope:
            if target in cells.targets:
                j = cells.targets.index(target)
                own = [i for i in rows if target not in without.get(cells.arms[i], ())]
                targets[j] = own, [k for k in columns if not np.isnan(cells.draws[0, own, j, k]).any()]
        usable.append({j: (own, found) for j, (own, found) in targets.items() if own and found})
    usable = [targets for targets in usable if targets]
    for targets in usable:
        for j, (own, found) in targets.items():
            for k in found:
                weights[own, j, k] += 1 / (len(own) * len(usable) * len(targets) * len(found))
    return weights


def sides(design: Design) -> dict[str, tuple[str, list[str]]]:
    """Every arm and every family's mean: name -> (family, arms)."""
    out = {arm: (family, [arm]) for arm, family in design.families.items() if arm != "none"}
    return out | {f"{family} family": (family, design.arms_of(family)) for family in design.contrast}


def effects(cells: Cells, design: Design) -> pd.DataFrame:
    """Each arm minus ``none`` on each target, group and their mean, for each set of languages and each
    language.
    """
    sets = design.language_sets | {name: [name] for name in sorted(cells.languages)}
    rows = []
    for language_set, languages in sets.items():
        for scope, (kind, targets) in scopes_of(design).items():
            base = mean_over(cells, ["none"], targets, languages)
            reference = estimate(cells, base, design.confidence)
            for arm, (family, arms) in sides(design).items():
                found = estimate(cells, mean_over(cells, arms, targets, languages) - base, design.confidence)
                if reference and found:
                    about = {
                        "arm": arm,
                        "family": family,
                        "scope": scope,
                        "kind": kind,
                        "overlaps": any(scope in design.overlaps.get(name, []) for name in arms),
                        "language_set": language_set,
                    }
                    counted = {"languages": int(base.any(axis=(0, 1)).sum()), "none": reference.value}
                    rows.append({**about, **counted, **columns(found, "effect")})
    return pd.DataFrame(rows, columns=EFFECTS)


def columns(found: Estimate, name: str) -> dict[str, object]:
    """An estimate as columns: value, interval, p, number of seeds and the value of each seed."""
    seeds = " ".join(f"{value:.3f}" for value in found.by_seed)
    numbers = {name: found.value, "low": found.low, "high": found.high, "p": found.p}
    return {**numbers, "seeds": len(found.by_seed), "by_seed": seeds}


def contrasts(cells: Cells, design: Design) -> pd.DataFrame:
    """The primary contrast first (first family minus second, unseen zero-shot languages, mean over groups),
    then others.

    Columns: name, role (primary, group, domain, no overlap, languages, language, cell, beside, control, variant),
    scope, language_set, languages, difference, interval, p, seeds, verdict (in words).
    """
    scopes, rows = scopes_of(design), []
    for name, role, plus, minus, scope, language_set in questions(design):
        languages = design.language_sets.get(language_set, [language_set])
        without, targets = {}, scopes[scope][1]
        if role == APART:
            without, targets = design.overlaps, _apart(design, targets, plus, minus)
        weights = mean_over(cells, plus, targets, languages, without)
        against = mean_over(cells, minus, targets, languages, without)
        found = estimate(cells, weights - against, design.confidence) if weights.any() and against.any() else None
        if found:
            about = {"name": name, "role": role, "scope": scope, "language_set": language_set}
            count = int(weights.any(axis=(0, 1)).sum())
            plus_name, minus_name = name.split(" minus ")
            words = verdict(found, plus_name, minus_name, design.margin)
            rows.append({**about, "languages": count, **columns(found, "difference"), "verdict": words})
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
    asked = [(name, "primary", ours, theirs, ALL_GROUPS, "unseen")]
    scopes = scopes_of(design)
    asked += [(name, "group", ours, theirs, scope, "unseen") for scope in sorted(scopes) if scopes[scope][0] == "group"]
    rest = [scope for scope, (kind, _) in scopes.items() if kind == "all" and scope != ALL_GROUPS]
    asked += [(name, "domain", ours, theirs, scope, "zero_shot") for scope in rest]
    if any(design.overlaps.get(arm) for arm in [*ours, *theirs]):
        asked.append((name, APART, ours, theirs, ALL_GROUPS, "unseen"))
        asked += [(name, APART, ours, theirs, scope, "zero_shot") for scope in rest]
    others = [language_set for language_set in design.language_sets if language_set != "unseen"]
    asked += [(name, "languages", ours, theirs, ALL_GROUPS, language_set) for language_set in others]
    languages = design.language_sets["zero_shot"]
    asked += [(name, "language", ours, theirs, ALL_GROUPS, language) for language in languages]
    asked += [(name, "cell", ours, theirs, t, x) for t in design.groups for x in [*design.source_languages, *languages]]
    for family, other, arms in ((first, second, ours), (second, first, theirs)):
        asked.append((f"{family} minus none", "beside", arms, ["none"], ALL_GROUPS, "unseen"))
        for control in design.arms_of("control"):
            if control != RANDOM and not control.endswith(f"-{other}"):
                asked.append((f"{family} minus {control}", "control", arms, [control], ALL_GROUPS, "unseen"))
    for variant, base in design.bases.items():
        asked += [
            (f"{variant} minus {base}", "variant", [variant], [base], scope, "unseen") for scope in (ALL_GROUPS, *rest)
        ]
    return asked


def verdict(found: Estimate, plus: str, minus: str, margin: float) -> str:
    """What an interval allows one to say, in words; ``margin`` in points is the smallest difference of
    interest.
    """
    least = f"{margin:g} point{'' if margin == 1 else 's'}"
    if found.low > 0:
        words = f"{said(plus)} is better than {said(minus)}"
        return words if found.low > margin else f"{words}, perhaps by less than {least}"
    if found.high < 0:
        words = f"{said(plus)} is worse than {said(minus)}"
        return words if found.high < -margin else f"{words}, perhaps by less than {least}"
    if -margin < found.low and found.high < margin:
        return f"no difference of {least} or more"
    return f"undecided: neither zero nor {least} or more is excluded"


def target_checks(cells: Cells, design: Design) -> pd.DataFrame:
    """Does each target learn? Arm ``none`` on the source language against each trivial baseline and random
    weights.

    A target without source-language test rows is checked on the mean of its languages. ``passed``: the
    margin's interval lies above zero.
    """
    rows = []
    rivals = [arm for arm in cells.arms if arm.startswith("baseline:")] + [RANDOM] * (RANDOM in cells.arms)
    for target, group in design.groups.items():
        if target not in cells.targets or "none" not in cells.arms:
            continue
        here = list(design.source_languages)
        own = mean_over(cells, ["none"], [[target]], here)
        if not own.any():
            here = list(cells.languages)
            own = mean_over(cells, ["none"], [[target]], here)
        value = estimate(cells, own, design.confidence)
        for rival in rivals:
            against = mean_over(cells, [rival], [[target]], here)
            if not against.any() or value is None:
                continue
            other, found = (
                estimate(cells, against, design.confidence),
                estimate(cells, own - against, design.confidence),
            )
            if other and found:
                about = {"target": target, "group": group, "trained": target in design.trained}
                where = "all" if here == cells.languages else " ".join(here)
                what = {"languages": where, "rival": rival, "none": value.value, "rival_value": other.value}
                rows.append({**about, **what, **columns(found, "margin"), "passed": found.low > 0})
    return pd.DataFrame(rows, columns=CHECKS)


def counts(cells: Cells, design: Design, least: int = 200) -> pd.DataFrame:
    """Per target and language: test examples, clusters, the value of ``none`` and its interval; few examples
    marked.
    """
    rows = []
    for j, target in enumerate(cells.targets):
        for k, language in enumerate(cells.languages):
            if not cells.examples[j, k] or target not in design.groups:
                continue
            found = estimate(cells, mean_over(cells, ["none"], [[target]], [language]), design.confidence)
            size = {"examples": int(cells.examples[j, k]), "clusters": int(cells.clusters[j, k])}
            about = {"target": target, "group": design.groups[target], "language": language, **size}
            about |= {"seen": language in design.language_sets["seen"], "few": size["examples"] < least}
            if found:
                rows.append({**about, "none": found.value, "low": found.low, "high": found.high})
    return pd.DataFrame(rows, columns=COUNTS)
