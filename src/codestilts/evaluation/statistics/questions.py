"""The contrasts that a study computes, the primary one first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from codestilts.columns import NONE
from codestilts.config.scopes import ALL_GROUPS
from codestilts.evaluation.statistics.design import Design
from codestilts.evaluation.statistics.effects import Side, arm_side, family_side

NO_OVERLAP = "no overlap"  # the role of contrasts without the arms that are trained on a target's own data
CONFIRMATORY = ("primary", "reference")  # roles that Holm's correction counts
LEFT_OUT, KEPT = "left out", "kept"
TARGETS = "targets"  # the kind of what is left out where it is the targets that fail their checks


@dataclass(frozen=True)
class Part:
    """One of the comparisons over which a contrast is averaged, such as that of one form.

    It is the sum of the means of the ``plus`` sides minus that of the ``minus`` sides, over the cells that all of these
    sides and those of ``also`` have. The targets in ``near`` are left out and, if ``only`` is not None, all targets
    that it does not contain.
    """

    plus: tuple[tuple[str, ...], ...]
    minus: tuple[tuple[str, ...], ...]
    form: str = ""
    near: frozenset[str] = frozenset()
    only: frozenset[str] | None = None
    also: tuple[tuple[str, ...], ...] = ()

    def targets(self, scopes: list[list[str]]) -> list[list[str]]:
        """Return the targets of a scope on which the sides are compared."""
        return [
            [name for name in scope if name not in self.near and (self.only is None or name in self.only)]
            for scope in scopes
        ]


@dataclass(frozen=True)
class Question:
    """A contrast to be estimated: ``plus`` minus ``minus`` in a scope and a set of languages, as the mean of ``parts``.

    ``docs/statistics.md`` describes the roles. ``left_out`` is a group, a language, a form or several targets, joined
    by spaces, that are left out; ``near`` says whether the targets near an arm's task are left out or kept.
    """

    role: str
    plus: Side
    minus: Side
    scope: str
    language_set: str
    parts: tuple[Part, ...] = ()
    near: str = ""
    left_out: str = ""
    left_out_kind: str = ""


def of_sides(role: str, plus: Side, minus: Side, scope: str, language_set: str) -> Question:
    """Return a question with one part, which compares all arms of two sides."""
    return Question(role, plus, minus, scope, language_set, (Part((tuple(plus.arms),), (tuple(minus.arms),)),))


def primary(design: Design) -> Question:
    """Return the primary contrast: of domains at equal form or, if no arms are matched in form, of families."""
    plus, minus = design.settings.contrast
    main = design.settings.language_set
    if question := domains(design, "primary", plus, minus):
        return question
    return of_sides("primary", family_side(design, plus), family_side(design, minus), ALL_GROUPS, main)


def arms_of(question: Question) -> set[str]:
    """Return the arms that a contrast compares."""
    return {arm for part in question.parts for side in (*part.plus, *part.minus) for arm in side}


def domains(design: Design, role: str, plus: str, minus: str) -> Question | None:
    """Return the contrast of two domains at equal form, without near targets; None if no form has arms in both."""
    parts = []
    for form in design.forms(plus, minus):
        sides = design.matched(plus, form), design.matched(minus, form)
        parts.append(Part((tuple(sides[0]),), (tuple(sides[1]),), form, design.near([*sides[0], *sides[1]])))
    if not parts:
        return None
    first, second = (
        Side(name, "domain", [arm for part in parts for side in getattr(part, which) for arm in side])
        for name, which in ((plus, "plus"), (minus, "minus"))
    )
    return Question(role, first, second, ALL_GROUPS, design.settings.language_set, tuple(parts), LEFT_OUT)


def questions(design: Design, failed: Sequence[str] = ()) -> list[Question]:
    """Return all contrasts of the study, the primary one first; ``failed`` are the targets that fail their checks."""
    main = primary(design)
    return [
        *_in_all_scopes(design, main),
        *_references(design, main),
        *_controls(design),
        *_of_domains(design, main),
        *_of_forms(design),
        *_variants(design),
        *_without_one(design, main),
        *([replace(main, role="sensitivity", left_out=" ".join(failed), left_out_kind=TARGETS)] if failed else []),
    ]


def _in_all_scopes(design: Design, main: Question) -> list[Question]:
    """The primary contrast in all scopes and languages."""
    name, sets, scopes = main.language_set, design.language_sets, design.scopes
    languages = sorted({*sets["source"], *sets["zero_shot"]})
    asked = [("primary", ALL_GROUPS, name)]
    asked += [("group", scope, name) for scope in sorted(scopes) if scopes[scope][0] == "group"]
    asked += [("suite", scope, "zero_shot") for scope in _other_suites(design)]
    if any(design.overlaps.get(arm) for arm in [*main.plus.arms, *main.minus.arms]):
        asked.append((NO_OVERLAP, ALL_GROUPS, name))
        asked += [(NO_OVERLAP, scope, "zero_shot") for scope in _other_suites(design)]
    asked += [("language set", ALL_GROUPS, each) for each in sets if each != name]
    asked += [("language", ALL_GROUPS, language) for language in languages]
    asked += [("cell", target, language) for target in design.settings.targets for language in languages]
    return [replace(main, role=role, scope=scope, language_set=each) for role, scope, each in asked]


def _references(design: Design, main: Question) -> list[Question]:
    """Each side of the primary contrast minus ``none`` in its cells; each family and mixture minus ``none``."""
    none = arm_side(NONE)
    asked = []
    for side, ours, theirs in ((main.plus, "plus", "minus"), (main.minus, "minus", "plus")):
        parts = tuple(
            replace(part, plus=getattr(part, ours), minus=((NONE,),), also=getattr(part, theirs)) for part in main.parts
        )
        if main.plus.kind == "family":  # families need not have the same targets
            parts = tuple(replace(part, also=()) for part in parts)
        asked.append(replace(main, role="reference", plus=side, minus=none, parts=parts))
    sides = [family_side(design, name) for name in ("code", "english", "docs", "mixed") if design.arms_of(name)]
    sides += [Side(name, "mixture", arms) for name, arms in design.mixtures.items()]
    sides = [side for side in sides if side not in (main.plus, main.minus)]
    return asked + [of_sides("gain", side, none, ALL_GROUPS, main.language_set) for side in sides]


def _controls(design: Design) -> list[Question]:
    """Each family minus each of the controls for it, such as masked language modelling on the same texts."""
    asked = []
    for family in (*design.settings.contrast, "docs", "mixed"):
        side = family_side(design, family)
        controls = [name for name, arm in design.settings.arms.items() if family in arm.controls_for]
        for control in controls if side.arms else []:
            asked.append(of_sides("control", side, arm_side(control), ALL_GROUPS, design.settings.language_set))
    return asked


def _of_domains(design: Design, main: Question) -> list[Question]:
    """The other contrasts of domains: in one form, of families, of mixtures, and those of documentation."""
    (plus, minus), languages, asked = design.settings.contrast, main.language_set, []
    if main.plus.kind == "domain":
        asked += [replace(main, role="form", parts=(part,), left_out_kind="", scope=ALL_GROUPS) for part in main.parts]
        sides = family_side(design, plus), family_side(design, minus)
        if all(side.arms for side in sides):
            asked.append(of_sides("family", *sides, ALL_GROUPS, languages))
    mixed = {name: Side(name, "mixture", arms) for name, arms in design.mixtures.items()}
    pairs = [(one, other) for one, other in ((plus, minus), (plus, "docs"), ("docs", minus)) if one != other]
    asked += [
        of_sides("mixture", mixed[one], mixed[other], ALL_GROUPS, languages)
        for one, other in pairs
        if one in mixed and other in mixed
    ]
    found = [domains(design, "docs", one, other) for one, other in pairs if "docs" in (one, other)]
    return asked + [question for question in found if question]


def _of_forms(design: Design) -> list[Question]:
    """Tasks of a target's own form minus those of other forms: in each domain, in both, and their difference."""
    plus, minus = design.settings.contrast
    forms, languages = design.forms(plus, minus), design.settings.language_set
    asked = []
    for near in (LEFT_OUT, KEPT):
        by_domain = {domain: list(_form_parts(design, domain, forms, near)) for domain in (plus, minus)}
        if all(by_domain.values()):
            by_domain["both"] = [part for parts in by_domain.values() for part in parts]
        for domain, parts in by_domain.items():
            sides = Side(domain, "own form", []), Side(domain, "other forms", [])
            asked.append(Question("own form", *sides, ALL_GROUPS, languages, tuple(parts), near))
        crossed = tuple(
            Part(one.plus + two.minus, one.minus + two.plus, one.form, one.near | two.near, one.only)
            for one, two in product(by_domain[plus], by_domain[minus])
            if one.form == two.form
        )
        sides = Side(plus, "form effect", []), Side(minus, "form effect", [])
        asked.append(Question("interaction", *sides, ALL_GROUPS, languages, crossed, near))
    return [question for question in asked if question.parts]


def _form_parts(design: Design, domain: str, forms: list[str], near: str) -> Iterable[Part]:
    """The arms of one form minus those of the other forms, on the targets of that form."""
    for form in forms:
        ours = tuple(design.matched(domain, form))
        others = tuple(arm for name in forms if name != form for arm in design.matched(domain, name))
        targets = frozenset(name for name, target in design.settings.targets.items() if target.form == form)
        close = design.near([*ours, *others]) if near == LEFT_OUT else frozenset()
        if ours and others and targets - close:
            yield Part((ours,), (others,), form, close, targets)


def _variants(design: Design) -> list[Question]:
    """Each variant minus the arm that it is a variant of."""
    bases = {name: arm.base for name, arm in design.settings.arms.items() if arm.base}
    scopes, main = [ALL_GROUPS, *_other_suites(design)], design.settings.language_set
    return [
        of_sides("variant", arm_side(variant), arm_side(base), scope, main)
        for variant, base in bases.items()
        for scope in scopes
    ]


def _without_one(design: Design, main: Question) -> list[Question]:
    """The primary contrast without one group of targets, language or form, and that with the near targets."""
    groups = sorted({target.group for target in design.settings.targets.values()})
    languages = design.language_sets[main.language_set]
    forms = [part.form for part in main.parts] if len(main.parts) > 1 else []
    found = [
        replace(main, role="leave one out", left_out=name, left_out_kind=kind)
        for kind, names in (("group", groups), ("language", languages), ("form", forms))
        for name in names
    ]
    if any(part.near for part in main.parts):
        parts = tuple(replace(part, near=frozenset()) for part in main.parts)
        found.append(replace(main, role="sensitivity", parts=parts, near=KEPT))
    return found


def _other_suites(design: Design) -> list[str]:
    """The means over all groups of the suites other than that of the primary contrast."""
    return [scope for scope, (kind, _) in design.scopes.items() if kind == "all" and scope != ALL_GROUPS]
