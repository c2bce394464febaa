"""A study at tiny scale: each task, arm, target, language and encoder once, before a GPU hour is spent.

Same rules, tasks, tokenizers and architectures; a few rows, two steps, random weights. What is left of the full product
of the grid is chosen here, as an overlay over the study's config.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from codestilts.config.study import Record, Study
from codestilts.errors import CodeStiltsError
from codestilts.examples.readers.hub_tables import languages_of, with_code
from codestilts.examples.readers.repository import Repository

ROWS = 2000  # of each table of the hub
SIZES = {"intermediate": {"train": 16, "dev": 6}, "target": {"train": 16, "dev": 6, "test": 6, "test_source": 6}}
TINY = {"steps": 2, "tokens_per_step": 128, "checkpoint_minutes": 1000}
Lookup = Callable[[str], Repository | None]  # a source's repository, None if it can't be had


@dataclass
class Available:
    """What of a study can be had: the languages of each task, the tasks it is made of, and why others can't."""

    languages: dict[str, list[str]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    parts: dict[str, list[str]] = field(default_factory=dict)


def available(study: Study, lookup: Lookup) -> Available:
    """The tasks of a study (and those that stand in for them) whose sources are there, in the languages they are."""
    found = Available()
    instead = [other for name in study.examples if (other := study.tasks[name].instead)]
    parts = [part for name in instead for part in study.tasks[name].examples_of]
    for name in dict.fromkeys([*study.examples, *instead, *parts]):
        languages, reason = _languages(study, name, lookup)
        if languages:
            found.languages[name] = languages
        else:
            found.reasons[name] = reason
    for name in list(found.languages):
        parts = study.tasks[name].examples_of
        if parts and not (kept := [part for part in parts if part in found.languages]):
            found.reasons[name] = f"its texts are those of {', '.join(parts)}"
            del found.languages[name]
        elif parts:
            found.parts[name] = kept
    return found


def _languages(study: Study, task: str, lookup: Lookup) -> tuple[list[str], str]:
    """The languages of a task for which every table is there, and what is missing for the others."""
    spec, reason = study.tasks[task], ""
    target = task in study.targets or task in (study.tasks[name].instead for name in study.targets)
    trained = target and spec.trained
    for source in spec.all_sources:
        if lookup(source) is None:
            return [], f"there is no source {source}"
    if study.reads_functions(task):
        there = [name for name in study.task_languages(task) if all(map(lookup, study.sources_of_language(name)))]
        if not there or (trained and study.source_language(task) not in there):
            return [], "there is no source of functions"
        return there, ""
    if not spec.read:
        return study.task_languages(task), reason
    settings = {**spec.as_written(), "task": task, "languages": study.task_languages(task)}
    settings["source_language"] = study.source_language(task)
    missing: dict[str, str] = {}
    for entry in settings["read"]:
        repository = lookup(entry["source"])
        assert repository
        for language in languages_of(entry, settings):
            try:
                repository.files(with_code(entry, str(spec.codes.get(language, language))))
            except CodeStiltsError as error:
                if entry["as"] == "test" or language == settings["source_language"] or not target:
                    missing[language] = str(error)
    languages = [name for name in settings["languages"] if name not in missing]
    needed = settings["source_language"] if trained else None
    if needed in missing:
        return [], missing[needed]
    return languages, next(iter(missing.values()), "")


def overlay(study: Study, found: Available, cover: str = "each", seeds: int = 1) -> Record:
    """The overlay that makes a study its rehearsal.

    ``cover``: ``each`` encoder, arm and target at least once; every one of their ``pairs``; or ``all`` of the product.
    """
    arms, definitions = _arms(study, found)
    stands = _stands(study, found)
    known = [stands.get(name, name) for name in study.targets]
    targets = [name for name in dict.fromkeys(known) if name in found.languages]
    if not targets or "none" not in arms:
        raise CodeStiltsError("no target of the study can be had: is HF_ENDPOINT the hub that you mean?")
    languages = {language for name in targets for language in found.languages[name]}
    trained = [name for name in targets if study.tasks[name].trained]
    rates = study.config.target.learning_rates[:2]
    statistics = study.config.statistics.model_dump()
    tasks: Record = {name: {"languages": own} for name, own in found.languages.items()}
    for name, parts in found.parts.items():
        tasks[name]["examples_of"] = parts
    own = {name: dict(TINY) for name in study.config.target.tasks}
    return {
        "study": f"{study.name}-rehearsal",
        "rehearsal": ROWS,
        "device": "cpu",
        "arms": arms,
        "targets": targets,
        "languages": [name for name in study.config.languages if name in languages],
        "seeds": list(range(seeds)),
        "seeds_per_job": 1,
        "keep_models": False,
        "data": {**SIZES, "tasks": tasks},
        "intermediate": {**TINY, "recipe": "matched", "evaluations": 1},
        "target": {**TINY, "recipe": "matched", "evaluations": 2, "learning_rates": rates, "tasks": own},
        "statistics": {**statistics, "resamples": 20},
        "grid": _grid(study, list(arms), trained, cover, stands),
        "definitions": {"arms": definitions},
    }


def _stands(study: Study, found: Available) -> dict[str, str]:
    """The targets that can't be had, each with the one that stands in for it."""
    stands = {}
    for name in study.targets:
        other = study.tasks[name].instead
        if name not in found.languages and other in found.languages:
            stands[name] = other
            found.reasons[name] = f"rehearsed with {other}: {found.reasons[name]}"
    return stands


def _arms(study: Study, found: Available) -> tuple[list[str], Record]:
    """The arms of which some task can be had; a task that can't is replaced by the one that stands in for it."""
    arms, definitions = [], {}
    for name, arm in study.arms.items():
        instead = {task: study.tasks[task].instead for task in arm.tasks if task not in found.languages}
        tasks = [instead.get(task, task) for task in arm.tasks]
        tasks = list(dict.fromkeys(task for task in tasks if task in found.languages))
        if arm.tasks and not tasks:
            found.reasons.setdefault(f"arm {name}", f"none of its tasks ({', '.join(arm.tasks)}) can be had")
            continue
        if instead:
            swaps = {old: new if new in found.languages else None for old, new in instead.items()}
            stood = ", ".join(f"with {new} for {old}" if new else f"without {old}" for old, new in swaps.items())
            found.reasons[f"arm {name}"] = f"rehearsed {stood}"
        arms.append(name)
        definitions[name] = arm.model_dump(exclude_none=True) | {"tasks": tasks}
    kept = [name for name in arms if definitions[name].get("base", "none") in arms]
    return kept, {name: definitions[name] for name in kept}


def _grid(study: Study, arms: list[str], targets: list[str], cover: str, stands: Mapping[str, str]) -> list[Record]:
    """Blocks of one encoder, one arm and some targets that cover the study's own grid as far as asked."""
    runs = [(encoder, arm, stands.get(target, target)) for encoder, arm, target in study.runs]
    runs = [run for run in runs if run[1] in arms and run[2] in targets]
    chosen = runs if cover == "all" else _cover(runs, 1 if cover == "each" else 2)
    cells: dict[tuple[str, str], list[str]] = {}
    for encoder, arm, target in chosen:
        cells.setdefault((encoder, arm), []).append(target)
    for encoder, arm in study.encoder_arms:  # arms whose targets can't be had, and variants' bases
        if arm in arms and not any(arm == other for _, other in cells):
            cells[encoder, arm] = []
    return [
        {"encoders": [encoder], "arms": [arm], **({"targets": own} if own else {"targets": targets[:1]})}
        for (encoder, arm), own in sorted(cells.items())
    ]


def _cover(runs: list[tuple[str, str, str]], strength: int) -> list[tuple[str, str, str]]:
    """Runs in which every value (strength 1) or pair of values (strength 2) of all runs occurs, chosen greedily.

    Each next run has the most that is not covered yet; among equals the one whose values were used least.
    """

    def parts(run: tuple[str, str, str]) -> set[tuple[Any, ...]]:
        return set(itertools.combinations(enumerate(run), strength))

    open_parts = set().union(*map(parts, runs)) if runs else set()
    used: dict[Any, int] = {}
    chosen = []
    while open_parts:
        best = max(
            runs, key=lambda run: (len(parts(run) & open_parts), -sum(used.get(item, 0) for item in enumerate(run)))
        )
        open_parts -= parts(best)
        chosen.append(best)
        for item in enumerate(best):
            used[item] = used.get(item, 0) + 1
    return chosen


def coverage(study: Study, rehearsed: Study, scores: Any, reasons: Mapping[str, str]) -> list[str]:
    """What was covered and what was not, in lines; ``scores`` is the rehearsal's tidy score table."""
    own = scores[~scores["arm"].str.startswith("baseline:")]
    lines = []
    tasks = {task for arm in set(own["arm"]) for task in rehearsed.arms[arm].tasks}
    every: dict[str, tuple[list[str], set[str]]] = {
        "encoders": (study.encoders, set(own["encoder"])),
        "arms": (list(study.arms), set(own["arm"])),
        "intermediate tasks": (study.intermediate_tasks, tasks),
        "targets": (study.targets, set(own["target"])),
    }
    for what, (wanted, seen) in every.items():
        missing = [name for name in wanted if name not in seen]
        lines.append(f"{what}: {len(wanted) - len(missing)} of {len(wanted)}")
        lines += [f"  not {name}: {_reason(name, reasons)}" for name in missing]
    for target in study.targets:
        stood = own["target"].isin([target, study.tasks[target].instead])
        wanted, seen = study.task_languages(target), set(own.loc[stood, "language"])
        missing = [name for name in wanted if name not in seen]
        rest = f", not {', '.join(missing)}" if missing else ""
        lines.append(f"languages of {target}: {len(wanted) - len(missing)} of {len(wanted)}{rest}")
    pairs = {
        "encoder x arm": (["encoder", "arm"], {run[:2] for run in study.runs}),
        "encoder x target": (["encoder", "target"], {(run[0], run[2]) for run in study.runs}),
        "arm x target": (["arm", "target"], {run[1:] for run in study.runs}),
    }
    for what, (columns, wanted_pairs) in pairs.items():
        found = set(own[columns].itertuples(index=False, name=None)) & wanted_pairs
        lines.append(f"pairs {what}: {len(found)} of {len(wanted_pairs)}")
    return lines + [f"{name}: {reason}" for name, reason in reasons.items() if reason.startswith("rehearsed")]


def _reason(name: str, reasons: Mapping[str, str]) -> str:
    return reasons.get(name) or reasons.get(f"arm {name}") or "no run of the cover has it"
