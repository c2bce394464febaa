"""Checks of the config and the task files before anything runs: one clear line for each thing that is wrong."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from codestilts.config.schema import Config
from codestilts.config.schema_fields import BUILDER, FOLDER, Family
from codestilts.config.schema_task import TaskFile, TaskSpec
from codestilts.config.study import Record, Study, load_tasks
from codestilts.errors import CodeStiltsError, suggest
from codestilts.files import read_text, read_yaml
from codestilts.sources.table import NAME, Source, read_sources

NO_VALUE = "has no value: give one, or leave the key out"
LONGEST = 120  # letters of a value that an error shows


def _fields(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """The keys allowed at ``path`` of a model."""
    at: Any = model
    for step in path:
        inside = {field.alias or name: field.annotation for name, field in at.model_fields.items()}.get(step)
        at = _model_in(inside) or at  # an entry of a list or a mapping is of the model that this is of
    return [field.alias or name for name, field in at.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in ``X | None``, ``list[X]`` or ``dict[str, X]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def schema_errors(model: type[BaseModel], value: Any, as_it_is: bool = False) -> list[tuple[tuple[Any, ...], str]]:
    """``(path, message)`` for every key of ``value`` that does not fit the model.

    ``as_it_is``: others read the same value, so it has to be what the model would make of it.
    """
    try:
        found = model.model_validate(value, context={"as_it_is": as_it_is})
    except ValidationError as failure:
        return [(_path(error), _message(model, error)) for error in failure.errors()]
    return list(_empty(found)) if as_it_is else []


def _empty(model: BaseModel) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Keys of a file that stand there without a value."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        key = field.alias or name
        if value is None and name in model.model_fields_set:
            yield (key,), NO_VALUE
        parts: list[tuple[tuple[Any, ...], Any]] = [((key,), value)]
        if isinstance(value, list):
            parts = [((key, place), item) for place, item in enumerate(value)]
        for path, part in parts:
            if isinstance(part, BaseModel):
                yield from (((*path, *rest), message) for rest, message in _empty(part))


def _path(error: Any) -> tuple[Any, ...]:
    """Where an error is; ``[key]`` is what pydantic adds where the key itself is wrong."""
    return tuple(step for step in error["loc"] if step != "[key]")


def _message(model: type[BaseModel], error: Any) -> str:
    path = _path(error)
    match error["type"]:
        case "extra_forbidden":
            return f"unknown key; {suggest(path[-1], _fields(model, path[:-1]))}"
        case "too_short" if not error["input"]:
            return "is empty; it needs at least one entry"
        case "missing":
            return "this key is missing"
        case "string_pattern_mismatch":
            return f"{_shown(error['input'])} is not a name: use {_letters(error['ctx']['pattern'])}"
        case "value_error":
            return str(error["ctx"]["error"])
        case "int_type" | "float_type" | "string_type" if error["input"] is None:
            return NO_VALUE
        case "string_type" if isinstance(error["input"], bool | int | float):
            return f"must be a text, not {_shown(error['input'])}: put it in quotes if it is one"
        case "int_type" | "float_type" if isinstance(error["input"], str):
            what = "integer" if error["type"] == "int_type" else "number"
            return f"must be a valid {what}, not {_shown(error['input'])}"
        case _:
            text = error["msg"].removeprefix("Input ").replace("should be", "must be").replace("should ", "must ")
            return f"{text}, not {_shown(error['input'])}"


def _letters(pattern: str) -> str:
    """What a pattern of the schema allows, in words."""
    return {
        NAME: "letters, digits and -_. only, a letter, a digit or _ first",
        FOLDER: "a path that begins with no hyphen",
        BUILDER: "module:function, such as codestilts.examples.builders.code:cloze",
    }.get(pattern, "lower-case letters, digits and hyphens")


def _shown(value: Any) -> str:
    """A value in an error: short, and in one line."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


def load_study(
    config: Record, root: str | Path = ".", files: Iterable[str | Path] = (), told: Record | None = None
) -> Study:
    """Check ``config``, the task files and ``sources.csv`` under ``root``; the study they describe.

    ``files`` are the YAML files that ``config`` was merged from, the last one winning, and ``told`` what the command
    line said after them: an error names what says it. Raises CodeStiltsError with one line for each error.
    """
    root = Path(root)
    sources = read_sources(root / "sources.csv")
    files_of_tasks = load_tasks(root / "tasks")
    layers = [(os.path.relpath(file), read_yaml(file)) for file in files]
    layers += [("--config", told)] if told else []
    errors = list(_task_errors(files_of_tasks, sources, root))
    problems = schema_errors(Config, config)
    if not problems and not errors:
        tasks = {name: TaskSpec.model_validate(task) for name, task in files_of_tasks.items()}
        study = Study(Config.model_validate(config), tasks, sources)
        problems = list(_config_errors(study))
    errors += [f"{_origin(path, layers)}: {'.'.join(map(str, path))}: {message}" for path, message in problems]
    if errors:
        raise CodeStiltsError("\nerror: ".join(" ".join(error.splitlines()) for error in dict.fromkeys(errors)))
    return study


def read_configs(files: Iterable[str | Path]) -> Record:
    """Config files merged as Snakemake merges them: mappings key by key, anything else by the later file."""
    merged: Record = {}
    for file in files:
        _merge(merged, read_yaml(file))
    return merged


def _merge(into: Record, other: Record) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _origin(path: tuple[Any, ...], layers: list[tuple[str, Any]]) -> str:
    """The last file that says something at ``path``, or at the nearest key above it."""
    for depth in range(len(path), 0, -1):
        for name, value in reversed(layers):
            if _holds(value, path[:depth]):
                return name
    return layers[0][0] if layers else "config"


def _holds(value: Any, path: tuple[Any, ...]) -> bool:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _task_errors(tasks: dict[str, Record], sources: dict[str, Source], root: Path) -> Iterator[str]:
    """What is wrong with the task files: keys, types, sources, labels, builders."""
    for task in tasks.values():
        for key in ("name", "suite"):
            if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", task[key]):
                yield f"{task['file']}: {task[key]!r} is not a name: use lower-case letters, digits and hyphens"
        spec = {key: value for key, value in task.items() if key not in ("name", "suite", "file")}
        problems = schema_errors(TaskFile, spec, as_it_is=True)
        for path, message in problems:
            yield f"{task['file']}: {'.'.join(map(str, path))}: {message}"
        if problems:
            continue
        if spec.get("read"):
            read = [entry["source"] for entry in spec["read"]]
            spec["sources"] = list(dict.fromkeys([*spec.get("sources", []), *read]))
        for source in set(spec.get("sources", [])) - set(sources):
            yield f"{task['file']}: sources: no source '{source}'; {suggest(source, sources)}"
        for part in set(spec.get("examples_of", [])) - set(tasks):
            yield f"{task['file']}: examples_of: no task '{part}'; {suggest(part, tasks)}"
        few = {"classification": 2, "tagging": 2 if spec.get("labels") else 0}  # or it takes the tags of its train rows
        if len(spec.get("labels", [])) < few.get(spec["type"], 0):
            yield f"{task['file']}: labels: a {spec['type']} task declares its labels, at least two"
        if not spec.get("trained", True) and spec["type"] != "retrieval":
            yield f"{task['file']}: trained: only a retrieval task can go without training"
        if not spec.get("trained", True) and not spec.get("build", {}).get("queries"):
            yield f"{task['file']}: build.queries: an untrained target says which side asks: language or partner"
        entries = spec.get("read", [])
        if any("rows" in entry for entry in entries) and not spec.get("published"):
            yield f"{task['file']}: published: who says how many rows there are (read.rows)?"
        if any("found" in entry for entry in entries) and not spec.get("incomparable"):
            yield f"{task['file']}: incomparable: why does the source have other rows than published (read.found)?"
        module, _, function = spec["builder"].partition(":")
        file = (root / "src" / Path(*module.split("."))).with_suffix(".py")
        if not file.exists():
            yield f"{task['file']}: builder: there is no module {module}"
        elif function not in (names := re.findall(r"^def (\w+)\(", read_text(file), re.MULTILINE)):
            yield f"{task['file']}: builder: module {module} has no function '{function}'; {suggest(function, names)}"


def _config_errors(study: Study) -> Iterator[tuple[tuple[Any, ...], str]]:
    """``(path, message)`` for names that point nowhere and for combinations that make no study."""
    config, tasks = study.config, study.tasks
    unknown = list(_unknown_names(study)) or list(_undefined_arms(study))
    yield from unknown
    if unknown:
        return
    if "none" not in config.arms:
        yield ("arms",), "'none' is missing; every effect is a difference from it"
    for index, name in enumerate(config.arms):
        arm = study.arms[name]
        alike = not arm.tasks and arm.init == "pretrained" and arm.method == "full"
        if name != "none" and alike and not study.parent_arm(name):
            yield ("arms", index), f"'{name}' has no tasks and begins with pretrained weights: that is the arm 'none'"
        of, where = arm.controls_for, ("definitions", "arms", name, "controls_for")
        if arm.family == "control" and of is None:
            yield where, f"'{name}' is a control: name the families that it is a control of, or [] for none"
        if arm.family != "control" and of is not None:
            yield where, f"'{name}' is no control but of the family {arm.family}"
        if arm.base and arm.base not in config.arms:
            allowed = suggest(arm.base, config.arms)
            yield ("definitions", "arms", name, "base"), f"'{arm.base}' is no arm of this study; {allowed}"
    for index, target in enumerate(config.targets):
        if not study.task_languages(target):
            allowed = suggest("", tasks[target].languages)
            yield (
                ("targets", index),
                f"'{target}' has none of the languages {', '.join(config.languages)}; {allowed}",
            )
        elif tasks[target].together and len(study.task_languages(target)) < len(tasks[target].languages):
            yield (
                ("languages",),
                f"target '{target}' pairs {' and '.join(tasks[target].languages)}, of which this study has "
                f"{', '.join(study.task_languages(target))} alone: add the other, or leave the target out",
            )
        arms = [name for name, arm in study.arms.items() if target in arm.tasks]
        if arms:
            yield ("targets", index), f"'{target}' is also an intermediate task ({', '.join(arms)}); it can be only one"
        if tasks[target].group is None:
            yield ("targets", index), f"'{target}' has no group, which a target needs: see {tasks[target].file}"
    for target in study.trained_targets:
        source = study.source_language(target)
        if source not in tasks[target].languages:
            allowed = suggest(source, tasks[target].languages)
            yield ("source_language",), f"'{source}' is no language of target '{target}'; {allowed}"
    yield from _missing_splits(study)


def _undefined_arms(study: Study) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Arms that are named as a task whose suite is no family of arms."""
    for index, name in enumerate(study.config.arms):
        if name not in study.config.definitions.arms and (suite := study.tasks[name].suite) not in get_args(Family):
            message = f"'{name}' is a task of the suite {suite}: define an arm with that task and its family"
            yield ("arms", index), f"{message} under definitions.arms"


def _unknown_names(study: Study) -> Iterator[tuple[tuple[Any, ...], str]]:
    config, tasks = study.config, study.tasks
    definitions = config.definitions
    spoken = {language for target in config.targets if target in tasks for language in tasks[target].languages}
    known: list[tuple[tuple[Any, ...], list[Any], Iterable[Any], str]] = [
        (("encoders",), config.encoders, definitions.encoders, "encoder is defined under that name"),
        (("arms",), config.arms, [*definitions.arms, *tasks], "arm or task has that name"),
        (("targets",), config.targets, tasks, "task has that name"),
        *(
            (("grid", index, key), getattr(block, key) or [], getattr(config, key), "name of this study")
            for index, block in enumerate(config.grid)
            for key in ("encoders", "arms", "targets")
        ),
        (("languages",), config.languages, spoken, "target has that language"),
        (("data", "tasks"), list(config.data.tasks), tasks, "task has that name"),
        (("target", "tasks"), list(config.target.tasks), tasks, "task has that name"),
    ]
    known += [
        (("definitions", "arms", arm, "tasks"), spec.tasks, tasks, "task has that name")
        for arm, spec in definitions.arms.items()
    ]
    known += [
        (("definitions", "encoders", encoder, "source"), [spec.source], study.sources, "source has that name")
        for encoder, spec in definitions.encoders.items()
    ]
    for path, names, allowed, what in known:
        for name in dict.fromkeys(names):
            if name not in set(allowed):
                yield path, f"'{name}': no {what}; {suggest(name, allowed)}"


def _missing_splits(study: Study) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Languages for which ``sources.csv`` has no package of the split that the study needs."""

    kinds = study.config.function_sources

    def having(*splits: str) -> set[str]:
        sources = [source for source in study.sources.values() if source.kind in kinds]
        return {language for source in sources for language, name in source.split.items() if name in (*splits, "hub")}

    made = [target for target in study.targets if study.reads_functions(target)]
    sources = {study.source_language(target) for target in made if target in study.trained_targets}
    for source in sources - having("train"):
        allowed = suggest(source, having("train"))
        yield ("source_language",), f"sources.csv has no training package in that language; {allowed}"
    tested = having("test")
    elsewhere = {language for target in set(study.targets) - set(made) for language in study.task_languages(target)}
    for index, language in enumerate(study.config.languages):
        if language not in tested | elsewhere:
            yield ("languages", index), f"sources.csv has no test package for '{language}'; {suggest(language, tested)}"
