"""What a claim needs from a study (arms, targets and languages), and what the study lacks."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from codestilts.config.analysis_settings import ScoredTarget
from codestilts.config.claim_settings import ClaimSettings, ClaimsSettings, Item, Part
from codestilts.config.schema_claims import Claim, Side
from codestilts.config.schema_task import TaskSpec
from codestilts.config.scopes import target_scopes
from codestilts.config.study import Study
from codestilts.invented import is_invented

DEFAULT_STUDY = "pocket"  # of config.yaml, which needs no overlay


def claim_settings(study: Study, claim: str) -> ClaimSettings:
    """Return the settings for judging a claim; they have no items if the study cannot decide it."""
    asked = study.claims[claim]
    resolved, missing = _resolved(study, asked)
    settings = ClaimSettings(
        name=claim,
        claim=asked.model_dump(exclude_defaults=True),
        study=study.name,
        missing=tuple(missing),
        command="" if asked.lacks or (missing and asked.study == study.name) else goal(asked.study, claim),
        confidence=study.config.statistics.confidence,
        checkpoint=study.config.target.selection[0],
    )
    if missing:
        return settings
    if asked.kind == "fact":
        return replace(settings, facts=study_facts(study, asked))
    items = {name: tuple(resolver.items()) for name, resolver in resolved.items()}
    found = replace(settings, items=items)
    targets = list(dict.fromkeys(target for _, _, target in found.runs()))
    return replace(
        found,
        languages={
            name: {target: tuple(resolver.languages(target)) for target in targets}
            for name, resolver in resolved.items()
        },
        targets={target: _scored(study, asked, target) for target in targets},
        scope=_scope(study, targets),
    )


def claims_settings(study: Study) -> ClaimsSettings:
    """Return the settings for the table of all claims."""
    undecidable = tuple(one for name in study.claims if (one := claim_settings(study, name)).missing)
    return ClaimsSettings(undecidable, tuple(study.claims), study.config.statistics.confidence)


def decidable_claims(study: Study) -> list[str]:
    """Return the claims that the study can decide."""
    return [name for name, claim in study.claims.items() if not _resolved(study, claim)[1]]


def _resolved(study: Study, claim: Claim) -> tuple[dict[str, "Resolver"], list[str]]:
    """Return the encoders with which a claim can be decided and, if there are none, what the study lacks."""
    every = {name: Resolver(study, claim, name) for name in ([claim.encoder] if claim.encoder else study.encoders)}
    missing = {name: one.missing() for name, one in every.items()}
    if found := {name: one for name, one in every.items() if not missing[name]}:
        return found, []
    return {}, list(dict.fromkeys(text for texts in missing.values() for text in texts))


def goal(study: str, claim: str) -> str:
    """Return the target of the workflow that runs only what a claim needs."""
    overlay = "" if study == DEFAULT_STUDY else f" --configfile studies/{study}.yaml"
    return f"results/{study}/claims/{claim}.json{overlay}"


def _scope(study: Study, targets: list[str]) -> str:
    """Return the smallest scope of the study's effects that contains all of these targets."""
    groups = {name: str(study.tasks[name].group) for name in study.targets}
    scopes = target_scopes(groups, {name: study.tasks[name].suite for name in study.targets})
    wide = {name: set().union(*lists) for name, (kind, lists) in scopes.items() if kind != "target"}
    fitting = [name for name in wide if set(targets) <= wide[name]]
    return min(fitting, key=lambda name: len(wide[name]), default="")


def _scored(study: Study, claim: Claim, target: str) -> ScoredTarget:
    spec = study.tasks[target]
    return ScoredTarget(claim.metrics.get(target) or spec.metric, tuple(spec.labels or ()))


class Resolver:
    """Resolves a claim for one encoder of a study into arms, targets and languages."""

    def __init__(self, study: Study, claim: Claim, encoder: str) -> None:
        self.study, self.claim, self.encoder = study, claim, encoder
        self._languages: dict[str, list[str]] = {}
        tasks = study.tasks
        of_suite = [name for name in study.targets if tasks[name].suite == claim.suite]
        self.targets = [
            name
            for name in claim.targets or of_suite
            if name in tasks and (not claim.groups or tasks[name].group in claim.groups)
        ]

    def missing(self) -> list[str]:
        """Return what the study lacks, in words."""
        claim, study = self.claim, self.study
        if claim.lacks:
            return [claim.lacks]
        named = [arm for side in claim.sides for arm in side.arms or []]
        lacks = [
            *_absent("encoder", [self.encoder], study.encoders),
            *_absent("arm", named, study.arms),
            *_absent("target", claim.targets or [], study.targets),
        ]
        if lacks or claim.kind == "fact":
            return lacks
        for arm in dict.fromkeys(named):
            there = study.encoder_arms.get((self.encoder, arm), [])
            gone = [target for target in claim.targets or [] if target not in there]
            lacks += [f"{arm} with {self.encoder} on {', '.join(gone)}"] if gone else []
            lacks += [f"{arm} with {self.encoder}"] if not there else []
        tested = {language for target in self.targets for language in self.languages(target)}
        lacks += [
            f"{words} in the set '{claim.languages}' of these targets"
            for words in _absent("language", claim.only_languages or [], tested)
        ]
        trained = [target for target in self.targets if target in study.trained_targets]
        if not lacks and not self.parts(trained if claim.kind == "best_of" else self.targets):
            lacks.append(self._nothing_to_compare())
        return lacks

    def _nothing_to_compare(self) -> str:
        """Say why there is nothing to compare although no name is missing."""
        for side in self.claim.sides:
            if side.form not in ("own", "other") and not self.arms(side):
                words = [side.family or "", side.domain or "", side.form or ""]
                return f"an arm of the {'family' if side.family else 'kind'} {' '.join(filter(None, words))}"
        if self.parts(self.targets):
            return "a fine-tuned target of the claim, whose dev rows would choose the best arm"
        if self.claim.match_forms:
            return "arms of both sides with one form, and a target in these languages that is near neither"
        return "arms and targets of both sides in these languages"

    def items(self) -> list[Item]:
        """Return the items of the claim: the numbers that it is about, including those that have nothing to compare."""
        claim = self.claim
        match claim.each:
            case "language":
                present = {language for target in self.targets for language in self.languages(target)}
                named = [name for name in self.study.config.languages if name in present]
                return [Item(name, self.parts(self._tested_in(name)), name) for name in named]
            case "target":
                return [Item(name, self.parts([name])) for name in self.targets]
            case "arm":
                varied = claim.than.plus if claim.than else claim.plus
                return [Item(arm, self.parts(self.targets, [arm])) for arm in (varied and varied.arms) or []]
            case _:
                return [Item("", self.parts(self.targets))]

    def _tested_in(self, language: str) -> list[str]:
        return [target for target in self.targets if language in self.languages(target)]

    def parts(self, targets: list[str], varied: list[str] | None = None) -> tuple[Part, ...]:
        """Return the parts of an item on some targets.

        ``varied`` replaces the arms of ``plus``, or those of the plus of a second difference.
        """
        claim = self.claim
        assert claim.plus and claim.minus
        targets = [target for target in targets if self.languages(target)]
        if claim.plus.form in ("own", "other"):
            return tuple(self._relative_parts(targets, claim.plus, claim.minus))
        if claim.than:
            than = varied or self.arms(claim.than.plus), self.arms(claim.than.minus)
            return tuple(self._part([self.arms(claim.plus), self.arms(claim.minus), *than], targets))
        sides = varied or self.arms(claim.plus), self.arms(claim.minus)
        if not claim.match_forms:
            return tuple(self._part(sides, targets))
        forms = [sorted({self.form(arm) for arm in side}) for side in sides]
        return tuple(
            part
            for form in forms[0]
            if form in forms[1]
            for part in self._part([[arm for arm in side if self.form(arm) == form] for side in sides], targets)
        )

    def _part(self, sides: Sequence[Sequence[str]], targets: Iterable[str]) -> list[Part]:
        """Return the difference on the targets that all arms have; nothing if there is no such target or arm.

        The third and the fourth side are those of a second difference.
        """
        usable = [target for target in targets if self._has_all(itertools.chain(*sides), target)]
        if not (all(sides) and usable):
            return []
        plus, minus, than_plus, than_minus = [*map(tuple, sides), (), ()][:4]
        return [Part(plus, minus, tuple(self.scopes(usable)), None, than_plus, than_minus)]

    def _relative_parts(self, targets: list[str], plus: Side, minus: Side) -> Iterable[Part]:
        """Return, for each target, arms of its own form against those of other forms with texts of the same domain.

        The domains in which a target has both kinds of arms are averaged.
        """
        found: dict[str, list[Part]] = {}
        for target in targets:
            if own := self.study.tasks[target].form:
                arms = [self._relative_arms(side, target, own) for side in (plus, minus)]
                for domain in sorted({str(self._single[arm].domain) for arm in arms[0]}):
                    sides = [[arm for arm in side if self._single[arm].domain == domain] for side in arms]
                    found.setdefault(target, []).extend(self._part(sides, [target]))
        scopes = self.scopes(target for target, parts in found.items() if parts)
        return [
            replace(part, scope=number, domain=str(self._single[part.plus[0]].domain))
            for number, scope in enumerate(scopes)
            for target in scope
            for part in found[target]
        ]

    def _relative_arms(self, side: Side, target: str, own: str) -> list[str]:
        arms = self.arms(side.model_copy(update={"form": None}))
        usable = [arm for arm in arms if self._has_all([arm], target)]
        return [arm for arm in usable if (self.form(arm) == own) == (side.form == "own")]

    @cached_property
    def _single(self) -> dict[str, TaskSpec]:
        """The task of each arm with one task that has a form and a domain, full training and true labels."""
        found = {}
        for name, arm in self.study.arms.items():
            task = self.study.tasks[arm.tasks[0]] if len(arm.tasks) == 1 and arm.represents_domain else None
            if task and task.form and task.domain:
                found[name] = task
        return found

    @cached_property
    def _compared(self) -> dict[str, set[str]]:
        """The targets that the study runs for each arm; if forms are compared, without those near its tasks."""
        study, without_near = self.study, self.claim.near_excluded
        found = {arm: set(targets) for (name, arm), targets in study.encoder_arms.items() if name == self.encoder}
        for arm, targets in found.items() if without_near else []:
            targets -= {target for task in study.arms[arm].tasks for target in study.tasks[task].near}
        return found

    def _has_all(self, arms: Iterable[str], target: str) -> bool:
        return all(target in self._compared.get(arm, ()) for arm in arms)

    def scopes(self, targets: Iterable[str]) -> list[tuple[str, ...]]:
        """Return lists of targets: means are taken over each list, then over the lists."""
        if self.claim.average == "tasks":
            return [tuple(targets)]
        groups: dict[str, list[str]] = {}
        for target in targets:
            groups.setdefault(str(self.study.tasks[target].group), []).append(target)
        return [tuple(names) for names in groups.values()]

    def arms(self, side: Side) -> list[str]:
        """Return the arms of a side that the study runs with the encoder."""
        if side.arms:
            return side.arms
        arms = self._compared
        if side.family:
            return [arm for arm, own in self.study.arms.items() if arm in arms and own.family == side.family]
        tasks = {arm: task for arm, task in self._single.items() if arm in arms}
        with_domain = [arm for arm, task in tasks.items() if side.domain in (None, task.domain)]
        return [arm for arm in with_domain if side.form in (None, "own", "other", tasks[arm].form)]

    def form(self, arm: str) -> str:
        """Return the form of an arm's task."""
        return str(self._single[arm].form)

    def languages(self, target: str) -> list[str]:
        """Return the languages of a target that the claim is about; its job separates near from far unseen ones."""
        if target not in self._languages:
            self._languages[target] = self._languages_of(target)
        return self._languages[target]

    def _languages_of(self, target: str) -> list[str]:
        study, chosen = self.study, self.claim.languages
        own, source = study.tested_languages[target], study.source_language(target)
        own = [name for name in own if is_invented(name) == (chosen == "invented")]
        if self.claim.only_languages:
            own = [name for name in own if name in self.claim.only_languages]
        if chosen == "all":
            return own
        if chosen == "source":
            return [name for name in own if name == source and target in study.trained_targets]
        seen, pretrained = set(study.seen_languages), set(study.encoder(self.encoder).languages)
        wanted: dict[str, Callable[[str], bool]] = {
            "seen": seen.__contains__,
            **dict.fromkeys(("unseen", "near", "far"), lambda name: name not in seen),
            "pretrained": pretrained.__contains__,
            "not_pretrained": lambda name: bool(pretrained) and name not in pretrained,
            "never_seen": lambda name: bool(pretrained) and name not in pretrained | seen,
        }
        keep = wanted.get(chosen, lambda name: True)
        return [name for name in own if name != source and keep(name)]


def _absent(kind: str, names: Sequence[str], there: Iterable[str]) -> list[str]:
    """Return the names that the study lacks, in words: ``the arms mnli, qqp``."""
    absent = [name for name in dict.fromkeys(names) if name not in there]
    return [f"the {kind}{'s' if len(absent) > 1 else ''} {', '.join(absent)}"] if absent else []


def study_facts(study: Study, claim: Claim) -> dict[str, object]:
    """Return the properties of the study that the claim states."""
    targets = claim.targets or study.targets
    arms = (claim.plus and claim.plus.arms) or [name for name, arm in study.arms.items() if arm.tasks]
    tasks = list(dict.fromkeys(task for arm in arms for task in study.arms[arm].tasks))
    trained = [target for target in targets if target in study.trained_targets]
    assert claim.facts
    found = {
        "phases": 1 + bool(study.intermediate_models) + bool(trained),
        "tasks": len(tasks),
        "domain": " and ".join(sorted({str(study.tasks[task].domain) for task in tasks})),
        "trained": len(trained),
        "untrained": len(targets) - len(trained),
        "languages": {name: len(study.tested_languages[name]) for name in targets if name in claim.facts.languages},
    }
    asked = claim.facts.model_dump(exclude_defaults=True)
    return {key: value for key, value in found.items() if key in asked}
