"""The rehearsal of a study: every encoder, arm, target and language once at tiny scale, before a GPU-hour is spent.

Rules, tasks, tokenizers and architectures are those of the study; weights are random, and training takes two steps on
a few rows. The rehearsal is an overlay over the study's config, restricted to what the hub has.
"""

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from codestilts.columns import NONE, Record
from codestilts.config.study import Study
from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import languages_of
from codestilts.examples.readers.hub_tables import with_code
from codestilts.examples.readers.repository import Repository

ROWS = 2000  # of each table of the hub
SIZES = {"intermediate": {"train": 16, "dev": 6}, "target": {"train": 16, "dev": 6, "test": 6, "test_source": 6}}
TINY = {"steps": 2, "tokens_per_step": 128, "checkpoint_minutes": 1000}
RESAMPLES = 20  # of the statistics

Lookup = Callable[[str], Repository | None]  # the repository of a source, None if it is not available
Cover = Literal["each", "pairs", "all"]
Run = tuple[str, str, str]  # encoder, arm, target


@dataclass(frozen=True)
class Availability:
    """The available tasks of a study with their languages and parts, and why other tasks are not available."""

    languages: dict[str, list[str]]
    parts: dict[str, list[str]]
    reasons: dict[str, str]


@dataclass(frozen=True)
class Gaps:
    """What a rehearsal leaves out or replaces."""

    tasks: dict[str, str]  # unavailable tasks: the reason
    arms: dict[str, str]  # arms left out: the reason
    substitutes: dict[str, str]  # targets replaced: the substitute
    arm_substitutes: dict[str, dict[str, str | None]]  # by arm: its unavailable tasks with substitutes, if any


@dataclass(frozen=True)
class Rehearsal:
    """An overlay over the config of a study, and how it differs from the study."""

    overlay: Record
    gaps: Gaps


def hub_lookup(study: Study) -> Lookup:
    """Look up the repositories of sources on the hub; print why one is not available.

    Archives of other servers count as unavailable, because they cannot be fetched in part.
    """
    from codestilts.sources.hub import card, listing

    @cache
    def lookup(name: str) -> Repository | None:
        source = study.sources[name]
        if source.kind == "url" or (source.kind == "local" and not Path(source.id).exists()):
            return None
        if source.kind != "hub":
            return Repository([], "", name)
        try:
            return Repository(list(listing(source)), card(source), source.id)
        except CodeStiltsError as error:
            print(str(error).split(". ")[0])
            return None

    return lookup


def find_available(study: Study, lookup: Lookup) -> Availability:
    """The tasks of a study, and their substitutes, whose sources are available, in the languages that these have."""
    substitutes = [substitute for name in study.examples if (substitute := study.tasks[name].instead)]
    their_parts = [part for name in substitutes for part in study.tasks[name].examples_of]
    languages: dict[str, list[str]] = {}
    reasons: dict[str, str] = {}
    for name in dict.fromkeys([*study.examples, *substitutes, *their_parts]):
        task_languages, reason = _available_languages(study, name, lookup)
        if task_languages:
            languages[name] = task_languages
        else:
            reasons[name] = reason
    parts: dict[str, list[str]] = {}
    for name in list(languages):
        if all_parts := study.tasks[name].examples_of:
            parts[name] = [part for part in all_parts if part in languages]
            if not parts[name]:
                reasons[name] = f"it is built from {', '.join(all_parts)}, which are not available"
                del languages[name], parts[name]
    return Availability(languages, parts, reasons)


def _available_languages(study: Study, task: str, lookup: Lookup) -> tuple[list[str], str]:
    """The languages of a task for which every table is available, and what is missing for the others.

    A target may lack dev rows outside its source language, but no test rows; an intermediate task may lack nothing.
    """
    spec = study.tasks[task]
    is_target = task in study.targets or task in (study.tasks[name].instead for name in study.targets)
    is_trained = is_target and spec.trained
    source_language = study.source_language(task)
    for source in spec.all_sources:
        if lookup(source) is None:
            return [], f"source {source} is not available"
    if study.reads_functions(task):
        with_functions = [
            language for language in study.task_languages(task) if all(map(lookup, study.sources_of_language(language)))
        ]
        if not with_functions or (is_trained and source_language not in with_functions):
            return [], "no source of functions is available"
        return with_functions, ""
    if not spec.read:
        return study.task_languages(task), ""
    settings = spec.as_written() | {"task": task, "languages": study.task_languages(task)}
    settings["source_language"] = source_language
    missing: dict[str, str] = {}
    for entry in settings["read"]:
        repository = lookup(entry["source"])
        assert repository
        for language in languages_of(entry, settings["languages"], settings["source_language"]):
            try:
                repository.files(with_code(entry, str(spec.codes.get(language, language))))
            except CodeStiltsError as error:
                if entry["as"] == "test" or language == source_language or not is_target:
                    missing[language] = str(error)
    if is_trained and source_language in missing:
        return [], missing[source_language]
    languages = [language for language in settings["languages"] if language not in missing]
    return languages, next(iter(missing.values()), "")


def make_rehearsal(study: Study, available: Availability, cover: Cover = "each") -> Rehearsal:
    """Make the overlay that turns a study into its rehearsal.

    Args:
        study: The study.
        available: Its available tasks.
        cover: Which runs are kept: ``each`` encoder, arm and target occurs; each of their ``pairs``; or ``all`` runs.

    Raises:
        CodeStiltsError: No target is available.
    """
    arms, gaps = _choose_arms(study, available)
    targets = [gaps.substitutes.get(name, name) for name in study.targets]
    targets = [name for name in dict.fromkeys(targets) if name in available.languages]
    if not targets or NONE not in arms:
        raise CodeStiltsError("no target of the study is available: check that HF_ENDPOINT names the right hub")
    languages = {language for name in targets for language in available.languages[name]}
    tasks: Record = {name: {"languages": own} | _tiny_sizes(study, name) for name, own in available.languages.items()}
    for name, parts in available.parts.items():
        tasks[name]["examples_of"] = parts
    trained = [name for name in targets if study.tasks[name].trained]
    grid = _choose_grid(study, list(arms), trained, cover, gaps.substitutes)
    overlay = {
        "study": f"{study.name}-rehearsal",
        "rehearsal": ROWS,
        "device": "cpu",
        "arms": list(arms),
        "targets": targets,
        "languages": [name for name in study.config.languages if name in languages],
        "seeds": [0],
        "seeds_per_job": 1,
        "keep_models": "none",
        "data": {**SIZES, "tasks": tasks},
        "intermediate": {
            **TINY,
            "recipe": "matched",
            "evaluations": 1,
            "learning_rates": study.config.intermediate.learning_rates[:2],
            "trial_targets": _trial_targets(study, grid, gaps.substitutes),
            "held_out_texts": [name for name in study.held_out_texts if name in available.languages],
        },
        "target": {
            **TINY,
            "recipe": "matched",
            "evaluations": 2,
            "learning_rates": study.config.target.learning_rates[:2],
            "tasks": {name: dict(TINY) for name in study.config.target.tasks},
        },
        "statistics": {**study.config.statistics.model_dump(), "resamples": RESAMPLES},
        "grid": grid,
        "definitions": {"arms": arms},
    }
    return Rehearsal(overlay, gaps)


def _tiny_sizes(study: Study, task: str) -> dict[str, int]:
    """What a rehearsal has in place of the sizes that the study sets for a task alone."""
    own = study.config.data.tasks.get(task)
    return {size: SIZES["target"][size] for size in own.given()} if own else {}


def _choose_arms(study: Study, available: Availability) -> tuple[Record, Gaps]:
    """The definitions of the arms with an available task, and all that is left out or replaced.

    Unavailable tasks of an arm are replaced by their substitutes, or left out. A variant needs its base.
    """
    definitions: Record = {}
    reasons: dict[str, str] = {}
    arm_substitutes: dict[str, dict[str, str | None]] = {}
    for name, arm in study.arms.items():
        substitutes = {
            task: instead if (instead := study.tasks[task].instead) in available.languages else None
            for task in arm.tasks
            if task not in available.languages
        }
        tasks = list(dict.fromkeys(task for old in arm.tasks if (task := substitutes.get(old, old))))
        if arm.tasks and not tasks:
            reasons[name] = f"none of its tasks ({', '.join(arm.tasks)}) is available"
            continue
        if substitutes:
            arm_substitutes[name] = substitutes
        definitions[name] = arm.model_dump(exclude_none=True) | {"tasks": tasks}
    for name, definition in list(definitions.items()):
        if (base := definition.get("base", NONE)) not in definitions:
            reasons[name] = f"its base {base} is left out"
            del definitions[name]
    targets = {
        name: substitute
        for name in study.targets
        if name not in available.languages and (substitute := study.tasks[name].instead) in available.languages
    }
    return definitions, Gaps(available.reasons, reasons, targets, arm_substitutes)


def _choose_grid(
    study: Study, arms: list[str], targets: list[str], cover: Cover, substitutes: dict[str, str]
) -> list[Record]:
    """Blocks of one encoder, one arm and some targets that cover the study's own grid as far as requested."""
    runs = [(encoder, arm, substitutes.get(target, target)) for encoder, arm, target in study.runs]
    runs = [(encoder, arm, target) for encoder, arm, target in runs if arm in arms and target in targets]
    chosen = runs if cover == "all" else covering_runs(runs, 1 if cover == "each" else 2)
    blocks: dict[tuple[str, str], list[str]] = {}
    for encoder, arm, target in chosen:
        blocks.setdefault((encoder, arm), []).append(target)
    covered = {arm for _, arm in blocks}
    for encoder, arm in study.encoder_arms:  # arms without an available target, and bases of variants
        if arm in arms and arm not in covered:
            blocks[encoder, arm] = targets[:1]
            covered.add(arm)
    return [{"encoders": [encoder], "arms": [arm], "targets": own} for (encoder, arm), own in sorted(blocks.items())]


def _trial_targets(study: Study, grid: list[Record], substitutes: dict[str, str]) -> list[str]:
    """The study's own trial targets, and one more target of each encoder that is rehearsed with none of them."""
    wanted = {substitutes.get(name, name) for name in study.config.intermediate.trial_targets}
    if not wanted:
        return []  # all targets, as in the study
    chosen = dict[str, None]()
    for encoder in dict.fromkeys(encoder for block in grid for encoder in block["encoders"]):
        own = [target for block in grid if encoder in block["encoders"] for target in block["targets"]]
        chosen |= dict.fromkeys([target for target in own if target in wanted] or own[:1])
    return list(chosen)


def covering_runs(runs: list[Run], strength: int) -> list[Run]:
    """Choose runs greedily so that every value (strength 1) or pair of values (2) of all runs occurs.

    The next run covers the most values or pairs that are not covered yet; among equals, its values occur least so far.
    """
    combinations = {run: set(itertools.combinations(enumerate(run), strength)) for run in runs}
    uncovered = set[tuple[tuple[int, str], ...]]().union(*combinations.values())
    used: Counter[tuple[int, str]] = Counter()
    chosen = []
    while uncovered:
        best = max(
            runs, key=lambda run: (len(combinations[run] & uncovered), -sum(used[value] for value in enumerate(run)))
        )
        uncovered -= combinations[best]
        used.update(enumerate(best))
        chosen.append(best)
    return chosen
