"""Read ``claims.yaml`` and validate its claims; each problem is one line."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from codestilts.columns import Record
from codestilts.config.schema_claims import KEYS_OF_KIND, Claim, Facts, Side
from codestilts.config.schema_errors import KeyPath, Problem, schema_errors
from codestilts.config.schema_fields import Family
from codestilts.config.schema_task import TaskSpec
from codestilts.config.study import Study
from codestilts.config.task_checks import metrics_of, not_a_metric
from codestilts.errors import suggest
from codestilts.files import read_yaml

CLAIMS = "claims.yaml"
OF_KINDS = {key for keys in KEYS_OF_KIND.values() for key in keys}
MAX_NAME = 100


def read_claims(root: Path) -> dict[str, Any]:
    """Return the values of each claim by name; nothing if the project has no ``claims.yaml``."""
    return read_yaml(root / CLAIMS) if (root / CLAIMS).exists() else {}


def claim_problems(values: dict[str, Any]) -> Iterator[Problem]:
    """Yield the problems of claims that do not depend on the study: values, and missing or forbidden keys."""
    for name, value in values.items():
        if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name) or len(name) > MAX_NAME:
            message = f"not a valid name of a claim: use up to {MAX_NAME} lower-case letters, digits and hyphens"
            yield Problem((name,), message)
            continue
        found = schema_errors(Claim, value, exact=True)
        yield from (Problem((name, *problem.path), problem.message) for problem in found)
        if not found:
            problems = _inconsistencies(Claim.model_validate(value))
            yield from (Problem((name, *problem.path), problem.message) for problem in problems)


def _inconsistencies(claim: Claim) -> Iterator[Problem]:
    """Yield the problems of keys that do not fit each other."""
    needed = {*KEYS_OF_KIND[claim.kind]} if not claim.lacks else set()
    allowed = {*KEYS_OF_KIND[claim.kind], *(["plus"] if claim.kind == "fact" else [])}
    for key in sorted(OF_KINDS):
        given = getattr(claim, key) is not None
        if key in needed and not given:
            yield Problem((key,), f"is missing: a claim of the kind {claim.kind} needs it")
        if given and key not in allowed:
            yield Problem((key,), f"means nothing to a claim of the kind {claim.kind}: remove it")
    if claim.than:
        yield from _than_problems(claim)
    sides = [side for side in (claim.plus, claim.minus) if side]
    if claim.match_forms and not all(side.domain and not side.form for side in sides):
        yield Problem(("match_forms",), "needs a domain, and no form, on both sides")
    yield from list(_side_problems(claim)) or _equal_sides(claim)
    if claim.facts and not claim.facts.model_dump(exclude_defaults=True):
        yield Problem(("facts",), f"is empty: state one of {', '.join(Facts.model_fields)}")
    several = claim.each == "arm" or claim.kind == "best_of"
    varied, path = (claim.than.plus, ("than", "plus", "arms")) if claim.than else (claim.plus, ("plus", "arms"))
    arms = (varied and varied.arms) or []
    if several and varied and len(arms) < 2:
        yield Problem(path, "lists fewer than two arms: list those that are tried")
    if claim.least and claim.each == "arm" and arms and claim.least > len(arms):
        yield Problem(("least",), f"is {claim.least}, and there are {len(arms)} arms: lower it")


def _equal_sides(claim: Claim) -> Iterator[Problem]:
    """Yield the differences of which both sides are the same, so that they are zero whatever the results are."""
    pairs: list[tuple[KeyPath, Side | None, Side | None]] = [(("minus",), claim.plus, claim.minus)]
    if claim.than:
        pairs.append((("than", "minus"), claim.than.plus, claim.than.minus))
    for path, plus, minus in pairs:
        if not plus or not minus:
            continue
        common = sorted({*(plus.arms or [])} & {*(minus.arms or [])})
        if plus == minus or (common and sorted(plus.arms or []) == sorted(minus.arms or [])):
            yield Problem(path, "is the same as plus: the difference is always zero; compare with something else")
        elif common and claim.each == "arm":
            yield Problem(path, f"has {', '.join(common)}, as plus has: remove it from one of them")


def _than_problems(claim: Claim) -> Iterator[Problem]:
    """Yield the problems of a second difference, which is one of named arms."""
    assert claim.than
    if claim.kind in ("best_of", "fact"):
        yield Problem(("than",), f"means nothing to a claim of the kind {claim.kind}: remove it")
    if any(set(side.model_dump(exclude_none=True)) != {"arms"} for side in claim.sides):
        yield Problem(("than",), "compares named arms: name the arms of all four sides")


def _side_problems(claim: Claim) -> Iterator[Problem]:
    """Yield the problems of sides that select arms in no way or in two, and of own forms without other ones."""
    named = {"plus": claim.plus, "minus": claim.minus}
    sides = {key: side for key, side in named.items() if side}
    for key, side in sides.items():
        chosen = [name for name in ("arms", "family") if getattr(side, name)]
        chosen += ["domain and form"] if side.domain or side.form else []
        if not chosen:
            yield Problem((key,), "is empty: name arms, a family, or the domain or form of tasks")
        if len(chosen) > 1:
            yield Problem((key,), f"has {' and '.join(chosen)}: keep one of them")
    relative = {side.form for side in sides.values()} & {"own", "other"}
    if relative and (len(relative) < 2 or len({side.domain for side in sides.values()}) > 1):
        message = "own is compared with other: set one side's form to each, and the same domain, or none, on both"
        yield Problem(("plus", "form"), message)


def unknown_names(study: Study, root: Path) -> Iterator[Problem]:
    """Yield names in claims that exist neither in this study nor in the one that the claim names."""
    overlays = {path.stem: path for path in sorted((root / "studies").glob("*.yaml"))}
    default = str(read_yaml(root / "config.yaml").get("study", "")) if (root / "config.yaml").exists() else ""
    studies = {study.name, default, *overlays} - {""}
    families, tasks = get_args(Family), study.tasks
    own_arms = {*study.config.definitions.arms, *(name for name, task in tasks.items() if task.suite in families)}
    targets = [name for name, task in tasks.items() if task.group and not task.base]  # twins are in no claim
    suites = {tasks[name].suite for name in targets}
    defined: dict[str, dict[str, Record]] = {}
    for name, claim in study.claims.items():
        if claim.study not in studies:
            yield _unknown((name, "study"), claim.study, studies, "study")
            continue
        if claim.study in overlays and claim.study not in defined:
            defined[claim.study] = read_yaml(overlays[claim.study]).get("definitions") or {}
        there = defined.get(claim.study, {})
        arms, encoders = (
            {*own_arms, *there.get("arms", {})},
            {*study.config.definitions.encoders, *there.get("encoders", {})},
        )
        references: list[tuple[tuple[str, ...], Iterable[str], Iterable[str], str]] = [
            (("encoder",), [claim.encoder] if claim.encoder else [], encoders, "encoder"),
            (("plus", "arms"), (claim.plus and claim.plus.arms) or [], arms, "arm"),
            (("minus", "arms"), (claim.minus and claim.minus.arms) or [], arms, "arm"),
            (("than", "plus", "arms"), (claim.than and claim.than.plus.arms) or [], arms, "arm"),
            (("than", "minus", "arms"), (claim.than and claim.than.minus.arms) or [], arms, "arm"),
            (("targets",), claim.targets or [], targets, "target"),
            (("metrics",), claim.metrics, targets, "target"),
            (("facts", "languages"), claim.facts.languages if claim.facts else [], targets, "target"),
            (("suite",), [claim.suite], suites, "suite of targets"),
            (("only_languages",), claim.only_languages or [], _languages(study, targets), "language of a target"),
        ]
        for path, names, allowed, kind in references:
            yield from (_unknown((name, *path), one, allowed, kind) for one in names if one not in set(allowed))
        if claim.suite in suites and not {*(claim.targets or [])} - {*targets}:
            yield from (Problem((name, *path), message) for path, message in _target_problems(claim, study.tasks))


def _target_problems(claim: Claim, tasks: dict[str, TaskSpec]) -> Iterator[tuple[KeyPath, str]]:
    """Yield what does not fit the targets of a claim, whatever the study: groups, metrics and the number of items."""
    listed = claim.targets or [name for name, task in tasks.items() if task.group and task.suite == claim.suite]
    own = [name for name in listed if not claim.groups or tasks[name].group in claim.groups]
    if not own:
        groups = ", ".join(dict.fromkeys(str(tasks[name].group) for name in listed))
        yield ("groups",), f"leaves no target: those of the claim are in the groups {groups}"
        return
    for target, metric in claim.metrics.items():
        if target in tasks and target not in own:
            yield ("metrics", target), "is no target of this claim: remove the key, or add the target"
        elif target in tasks and metric not in metrics_of(tasks[target]):
            yield ("metrics", target), not_a_metric(metric, tasks[target])
    languages = claim.only_languages or {language for name in own for language in tasks[name].languages}
    items = {"target": own, "language": languages}.get(claim.each or "", ())
    if claim.least and items and claim.least > len(items):
        yield ("least",), f"is {claim.least}, and there are {len(items)} {claim.each}s: lower it"


def _languages(study: Study, targets: list[str]) -> set[str]:
    return {language for target in targets for language in study.tasks[target].languages}


def _unknown(path: tuple[str, ...], name: str, allowed: Iterable[str], kind: str) -> Problem:
    return Problem(path, f"'{name}': no {kind} has that name; {suggest(name, allowed)}")
