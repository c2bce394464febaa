"""Checks of task files across keys and files: names that exist, and keys that fit each other."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from codestilts.columns import BINARY, LABEL_SEPARATOR, MLQA_LANGUAGES, OF_OUTPUTS, Record
from codestilts.config.field_specs import field_problems
from codestilts.config.lineage import ancestors
from codestilts.config.schema_errors import Problem, schema_errors
from codestilts.config.schema_fields import METRICS_OF, METRICS_OF_PROTOCOL, TYPES_OF_FORM, Domain, Metric, TaskType
from codestilts.config.schema_task import TaskFile, TaskSpec
from codestilts.config.task_files import PATH_KEYS
from codestilts.errors import suggest
from codestilts.files import read_text
from codestilts.sources.table import Source

BUILDERS = re.compile(r"^def ([a-z]\w*)\(\s*inputs: Inputs, settings: BuilderSettings\b", re.MULTILINE)

# The keys under options that each task type reads, the types that read labels, and the builder that reads a language.
OPTIONS_OF: dict[TaskType, tuple[str, ...]] = {
    "classification": ("pairs", "multi"),
    "multiple_choice": (),
    "tagging": (),
    "span_qa": ("answer", "stride", "no_answer"),
    "retrieval": ("layer", "sweep", "protocol"),
    "generation": ("output_tokens", "beams", "decoder_layers", "label_smoothing"),
    "mlm": (),
}
UNANSWERED: tuple[Metric, ...] = ("exact_match", "squad2_f1", "squad2_em")  # metrics of questions without an answer
LABELLED = ("classification", "tagging")
TRANSLATES = "codestilts.examples.builders.codexglue:other_side"


def task_errors(tasks: dict[str, Record], sources: dict[str, Source], root: Path) -> Iterator[str]:
    """Check task files: names, keys, types, sources, labels and builders.

    Args:
        tasks: The values of all task files (:func:`codestilts.config.task_files.load_tasks`).
        sources: The rows of ``sources.csv``.
        root: The project's folder, whose library has the builders.

    Yields:
        One message for each problem, which begins with the file.
    """
    for values in tasks.values():
        for key in ("name", "suite"):
            if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", values[key]):
                yield f"{values['file']}: {values[key]!r} is not a name: use lower-case letters, digits and hyphens"
        spec = {key: value for key, value in values.items() if key not in PATH_KEYS}
        problems = schema_errors(TaskFile, spec, exact=True)
        if not problems:
            task = TaskSpec.model_validate(values)
            problems = [*_task_problems(task, tasks, sources), *field_problems(task), *_builder_problems(task, root)]
        yield from (f"{values['file']}: {problem.key}: {problem.message}" for problem in problems)


def _task_problems(task: TaskSpec, tasks: dict[str, Record], sources: Iterable[str]) -> Iterator[Problem]:
    """Names that do not exist, patterns that are none, and keys that require others."""
    yield from _unknown_names(task, tasks, sources)
    yield from _language_problems(task, tasks)
    yield from _unread_keys(task)
    yield from _form_problems(task)
    for path, pattern in ((("options", "answer"), task.options.answer), (("build", "problem"), task.build.problem)):
        try:
            re.compile(pattern or "")
        except re.error as error:
            yield Problem(path, f"{pattern!r} is no regular expression: {error}: correct it")
    # A tagging task without labels takes the tags of its train rows.
    if len(task.labels) < 2 and (task.type == "classification" or (task.type == "tagging" and task.labels)):
        yield Problem(("labels",), f"a {task.type} task needs at least two labels: declare them")
    if task.metric not in metrics_of(task):
        yield Problem(("metric",), not_a_metric(task.metric, task))
    if task.metric in OF_OUTPUTS:
        yield Problem(("metric",), f"{task.metric} is reported beside a metric of the outputs' quality: choose one")
    if task.type == "generation" and not task.trained:
        yield Problem(("trained",), "a task of generation cannot be used without training, which makes its decoder")
    elif not task.trained and task.type != "retrieval":
        yield Problem(("trained",), "only a retrieval task can be used without training")
    if task.options.protocol == "mining" and task.trained:
        yield Problem(("trained",), "mining is tested without training: set it to false")
    if task.type == "mlm" and task.group:
        yield Problem(("group",), "masked language modelling has no answers to score, and is no target: remove the key")
    if task.options.no_answer and task.options.answer:
        message = "a pattern that every answer matches, and questions without an answer: remove it, or no_answer"
        yield Problem(("options", "answer"), message)
    for index, label in enumerate(task.labels):
        parts = label.split() if task.type == "tagging" else label.split(LABEL_SEPARATOR)
        if not label.strip() or len(parts) != 1:
            what = "white space" if task.type == "tagging" else f"'{LABEL_SEPARATOR}'"
            yield Problem(("labels", index), f"{label!r} is empty or has {what}, which separates labels: rename it")
    if not task.trained and not task.build.queries:
        yield Problem(("build", "queries"), "an untrained target needs this key: set it to language or partner")
    if (task.published_rows or any(entry.rows is not None for entry in task.read)) and not task.published:
        yield Problem(("published",), "is missing: cite who published the number of rows (read.rows, published_rows)")
    if any(entry.found is not None for entry in task.read) and not task.incomparable:
        yield Problem(("incomparable",), "is missing: say why the rows differ from those published (read.found)")


def _unread_keys(task: TaskSpec) -> Iterator[Problem]:
    """Keys that only other task types, or another builder, read."""
    read = OPTIONS_OF[task.type]
    for name in sorted(task.options.model_fields_set - {*read}):
        allowed = f"it reads {', '.join(read)}" if read else "it has none"
        yield Problem(("options", name), f"is no option of a {task.type} task: remove it ({allowed})")
    if task.labels and task.type not in LABELLED:
        yield Problem(("labels",), f"a {task.type} task reads no labels: remove the key")
    if task.build.output_language and task.builder != TRANSLATES:
        message = "this builder does not read it, as outputs are in the language of the row or the builder's own"
        yield Problem(("build", "output_language"), f"{message}: remove it")


def _form_problems(task: TaskSpec) -> Iterator[Problem]:
    """A form and a domain that would put the task among others than its own kind, or into no contrast of domains."""
    forms = [form for form, types in TYPES_OF_FORM.items() if task.type in types]
    if task.form and task.form not in forms:
        hint = f"use {', '.join(forms)}" if forms else "remove the key"
        yield Problem(("form",), f"'{task.form}' is no form of a {task.type} task: {hint}")
    if (task.domain or task.near) and not task.form:
        yield Problem(("form",), "is missing: domain and near mean nothing without it; add it, or remove them")
    if task.suite not in get_args(Domain):
        return
    if task.domain and task.domain != task.suite:
        message = f"is {task.domain}, but tasks/{task.suite}/ has the domain {task.suite}: set it to that"
        yield Problem(("domain",), f"{message}, or move the file")
    # A translation is beside the English task that it was made from; its texts are of no domain.
    if task.form and not task.domain and (task.suite != "english" or task.languages == ["english"]):
        yield Problem(("domain",), f"is missing: a form is compared between domains; set it to {task.suite}")


def _unknown_names(task: TaskSpec, tasks: dict[str, Record], sources: Iterable[str]) -> Iterator[Problem]:
    """Sources and tasks that do not exist, or that cannot be what the key says."""
    named: list[tuple[tuple[str | int, ...], str]] = [(("sources",), name) for name in task.sources]
    named += [(("read", index, "source"), entry.source) for index, entry in enumerate(task.read)]
    for path, source in named:
        if source not in sources:
            yield Problem(path, f"no source '{source}'; {suggest(source, sources)}")
    for part in sorted(set(task.examples_of) - set(tasks)):
        yield Problem(("examples_of",), f"no task '{part}'; {suggest(part, tasks)}")
    if task.examples_of and task.name in _all_parts(task.examples_of, tasks):
        yield Problem(("examples_of",), f"'{task.name}' is made of itself: remove one step of the circle")
    targets = [name for name, values in tasks.items() if values.get("group")]
    for key, other in ((("instead",), task.instead), (("build", "like"), task.build.like)):
        if other and other not in tasks:
            yield Problem(key, f"no task '{other}'; {suggest(other, tasks)}")
        elif other == task.name:
            yield Problem(key, f"'{other}' is this task: name another one, or remove the key")
        elif other and task.group and other not in targets:
            yield Problem(key, f"'{other}' has no group, so it cannot be a target as this task is: name a target")
    for target in sorted(set(task.near) - set(targets)):
        yield Problem(("near",), f"no target '{target}'; {suggest(target, targets)}")


def _language_problems(task: TaskSpec, tasks: dict[str, Record]) -> Iterator[Problem]:
    """Languages that the task does not have, and codes of languages that no task has or that are used twice."""
    own: list[tuple[tuple[str | int, ...], Iterable[str]]] = []
    for index, entry in enumerate(task.read):
        own.append((("read", index, "languages"), entry.languages or ()))
        counts = {"rows": entry.rows, "found": entry.found}
        own += [(("read", index, key), value) for key, value in counts.items() if isinstance(value, dict)]
    if task.source_language:
        own.append((("source_language",), [task.source_language]))
    for path, names in own:
        for language in sorted(set(names) - set(task.languages)):
            yield Problem(path, f"'{language}' is no language of this task; {suggest(language, task.languages)}")
    # Builders of pairs read a partner language that is not among those of the task.
    known = {language for values in tasks.values() for language in _list(values.get("languages"))}
    for language in sorted(set(task.codes) - known):
        yield Problem(("codes", language), f"no task has the language '{language}'; {suggest(language, known)}")
    codes = {language: task.codes.get(language, language) for language in [*task.languages, *task.codes]}
    for code, number in Counter(codes.values()).items():
        if number > 1:
            yield Problem(("codes",), f"'{code}' is the code of {number} languages: give each its own")


def _all_parts(names: Iterable[str], tasks: dict[str, Record]) -> set[str]:
    """These tasks and all tasks whose examples they read, directly or indirectly."""
    return ancestors(names, {name: _list(values.get("examples_of")) for name, values in tasks.items()})


def _list(value: Any) -> list[str]:
    return [part for part in value if isinstance(part, str)] if isinstance(value, list) else []


def not_a_metric(metric: str, task: TaskSpec) -> str:
    """Return in words that a metric cannot be computed from the predictions of a task."""
    why = f" with the protocol {task.options.protocol}" if task.type == "retrieval" else ""
    if metric in METRICS_OF[task.type] and task.type == "classification":
        why = f" with other labels than {' and '.join(BINARY)}"
    return f"'{metric}' is no metric of a {task.type} task{why}: use {', '.join(metrics_of(task))}"


def metrics_of(task: TaskSpec) -> tuple[Metric, ...]:
    """Return the metrics that can be computed from the predictions of a task."""
    if task.type == "retrieval":
        return METRICS_OF_PROTOCOL[task.options.protocol]
    every = METRICS_OF[task.type]
    if task.type == "span_qa":
        others = UNANSWERED if task.options.no_answer else every
        in_mlqa = {*task.languages} <= {*MLQA_LANGUAGES}
        return tuple(name for name in others if in_mlqa or not name.startswith("mlqa_"))
    return every if {*task.labels} == {*BINARY} else tuple(name for name in every if name != "binary_f1")


def _builder_problems(task: TaskSpec, root: Path) -> Iterator[Problem]:
    """A builder that does not exist. Its module is read and not imported, which would take seconds."""
    module, _, function = task.builder.partition(":")
    file = (root / "src" / Path(*module.split("."))).with_suffix(".py")
    if not file.exists():
        yield Problem(("builder",), f"there is no module {module}")
    elif function not in (names := BUILDERS.findall(read_text(file))):
        yield Problem(("builder",), f"module {module} has no builder '{function}'; {suggest(function, names)}")
