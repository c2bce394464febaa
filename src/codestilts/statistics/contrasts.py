"""The study's questions as weighted sums of cells: effects of arms, contrasts of families, checks of targets."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from codestilts.statistics.bootstrap import Cells, Estimate, estimate
from codestilts.tables import said

INTERVAL = ["low", "high", "p", "seeds", "by_seed"]
EFFECTS = ["arm", "family", "scope", "kind", "language_set", "languages", "none", "effect", *INTERVAL]
CONTRASTS = ["name", "role", "scope", "language_set", "languages", "difference", *INTERVAL, "verdict"]
CHECKS = ["target", "group", "trained", "languages", "rival", "none", "rival_value", "margin", *INTERVAL, "passed"]
COUNTS = ["target", "group", "language", "examples", "clusters", "seen", "few", "none", "low", "high"]

ALL_GROUPS = "all groups"
PRIMARY_DOMAIN = "pl"
RANDOM = "random"


@dataclass(frozen=True)
class Design:
    """What the study knows of its arms, targets and languages.

    ``families``: arm -> family; ``groups``: target -> group; ``trained``: the fine-tuned targets; ``domains``: target
    -> family of tasks (``pl``, ``xtreme``); ``bases``: variant -> the arm that it is compared with;
    ``language_sets``: name -> languages (``source``, ``zero_shot``, ``seen``, ``unseen``, ``near``, ``far``,
    ``pretrained``, ``not_pretrained``);
    ``contrast``: the two families of the primary contrast; ``confidence`` of intervals; ``margin``:
    differences in points that count as none.
    """

    families: dict[str, str]
    groups: dict[str, str]
    trained: list[str]
    source_languages: list[str]
    domains: dict[str, str]
    bases: dict[str, str]
    language_sets: dict[str, list[str]]
    contrast: tuple[str, str]
    confidence: float
    margin: float

    def arms_of(self, family: str) -> list[str]:
        """The arms of a family, in the order of the config."""
        return [arm for arm, own in self.families.items() if own == family]


def design_of(facts: dict, languages: pd.DataFrame, encoder: str) -> Design:
    """The design for an encoder, from the study's settings and the language table (columns ``language``, ``near``)."""
    sources, seen = facts["source_languages"], set(facts["seen"])
    names = sorted({*languages["language"], *facts["languages"]})
    near = set(languages.loc[languages["near"].astype(bool), "language"])
    measured = set(languages["language"])
    known = set(facts["pretrained"].get(encoder, []))
    zero_shot = [name for name in names if name not in sources]
    sets = {
        "source": sources,
        "zero_shot": zero_shot,
        "seen": [name for name in zero_shot if name in seen],
        "unseen": [name for name in zero_shot if name not in seen],
        "near": [name for name in zero_shot if name in near],
        "far": [name for name in zero_shot if name in measured - near],
        "pretrained": [name for name in zero_shot if name in known],
        "not_pretrained": [name for name in zero_shot if known and name not in known],
    }
    groups = {target: spec["group"] for target, spec in facts["targets"].items()}
    trained = [target for target, spec in facts["targets"].items() if spec.get("trained", True)]
    first, second = facts["contrast"]
    return Design(
        families=facts["families"],
        groups=groups,
        trained=trained,
        source_languages=sources,
        domains=facts["domains"],
        bases=facts["bases"],
        language_sets=sets,
        contrast=(first, second),
        confidence=facts["confidence"],
        margin=facts.get("margin", 1.0),
    )


def mean_over(cells: Cells, arms: list[str], scopes: list[list[str]], languages: list[str]) -> np.ndarray:
    """Weights (arms x targets x languages) of a mean of means: over arms, over scopes, targets in a scope,
    languages.

    ``scopes`` are lists of targets (one list a group). Cells without data are left out, and so are targets
    and scopes that have none in these languages; no data at all gives zeros.
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
                targets[j] = [k for k in columns if not np.isnan(cells.draws[0, rows, j, k]).any()]
        usable.append({j: found for j, found in targets.items() if found})
    usable = [targets for targets in usable if targets]
    for targets in usable:
        for j, found in targets.items():
            for k in found:
                weights[rows, j, k] += 1 / (len(rows) * len(usable) * len(targets) * len(found))
    return weights


def scopes_of(design: Design) -> dict[str, tuple[str, list[list[str]]]]:
    """Every target, every group and the mean of groups: scope -> (kind, lists of targets).

    The groups of the first domain (targets of programming languages) are ``all groups``; those of another one have its
    name in front (``xtreme qa``), and their mean is ``all xtreme``.
    """
    scopes = {target: ("target", [[target]]) for target in design.groups}
    for domain in domains(design):
        by_group: dict[str, list[str]] = {}
        for target, group in design.groups.items():
            if design.domains[target] == domain:
                by_group.setdefault(group, []).append(target)
        first = domain == domains(design)[0]
        scopes |= {group if first else f"{domain} {group}": ("group", [own]) for group, own in by_group.items()}
        scopes[ALL_GROUPS if first else f"all {domain}"] = ("all", list(by_group.values()))
    return scopes


def domains(design: Design) -> list[str]:
    """The families of the targets; that of the primary contrast, programming languages, comes first."""
    return sorted(set(design.domains.values()), key=lambda name: (name != PRIMARY_DOMAIN, name))


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

    Columns: name, role (primary, group, languages, language, cell, beside, control), scope, language_set,
    languages, difference, interval, p, seeds, verdict (in words).
    """
    scopes, rows = scopes_of(design), []
    for name, role, plus, minus, scope, language_set in questions(design):
        languages = design.language_sets.get(language_set, [language_set])
        weights = mean_over(cells, plus, scopes[scope][1], languages)
        against = mean_over(cells, minus, scopes[scope][1], languages)
        found = estimate(cells, weights - against, design.confidence) if weights.any() and against.any() else None
        if found:
            about = {"name": name, "role": role, "scope": scope, "language_set": language_set}
            count = int(weights.any(axis=(0, 1)).sum())
            plus_name, minus_name = name.split(" minus ")
            words = verdict(found, plus_name, minus_name, design.margin)
            rows.append({**about, "languages": count, **columns(found, "difference"), "verdict": words})
    return pd.DataFrame(rows, columns=CONTRASTS)


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
