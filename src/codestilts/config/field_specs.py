"""Check how a task file maps columns to fields (keys ``fields`` and ``read.fields``), before any row is read.

:func:`codestilts.examples.readers.hub_tables.values` says what a specification means.
"""

import re
from collections.abc import Iterator
from typing import Any

from codestilts.columns import TASK_TYPE_COLUMNS
from codestilts.config.schema_errors import KeyPath, Problem
from codestilts.config.schema_task import TaskSpec
from codestilts.errors import suggest

ROWS = "codestilts.examples.readers.hub_tables:rows"  # the builder that does nothing but map columns
# The fields of rows by task type, and others: the second of two texts to classify; a query and its document.
NEEDED = TASK_TYPE_COLUMNS | {"classification": ["text_a", "label"], "retrieval": ["text", "partner"]}
OTHERS = {"classification": ["text_b"], "retrieval": TASK_TYPE_COLUMNS["retrieval"]}
ADDITIONAL = ("id", "unit", "cluster", "package", "answers", "copied", "options", "option_starts", "position")
# The fields that other builders of rows need (their docstrings say what for), by the end of the builder's name.
BUILDERS = "codestilts.examples.builders."
IN_WORDS = ["question", "context", "texts"]
QUESTION = [*IN_WORDS, "starts"]
NEEDED_BY = {
    "codexglue:cloze": ["text_a", "tokens"],
    "codexglue:code_search": ["query", "document"],
    "codexglue:labelled_code": ["text_a", "label"],
    "codexglue:other_side": ["source", "reference"],
    "codexglue:same_problem_search": ["query", "cluster"],
    "codexglue:translations": ["query", "document"],
    "codexglue:web_query_match": ["query", "document", "label"],
    "codexglue:web_search": ["query", "document"],
    "extractive_qa:questions": QUESTION,
    "natural:paragraphs": ["text"],
    "natural:questions_with_new_dev": QUESTION,
    "natural:sentences": ["text_a", "label"],
    "natural:supertags": ["tokens", "upos", "head", "deprel"],
    "natural:translation_pairs": ["text", "check"],
    "natural:tydiqa": [*QUESTION, "question_id"],
    "natural_generation:answers": IN_WORDS,
    "natural_generation:summaries": ["source", "reference"],
    "natural_generation:tydiqa_answers": [*IN_WORDS, "question_id"],
    "outputs:output_prediction": ["problem", "code", "hidden"],
    "problems:mining": ["problem", "code"],
    "problems:nl_code": ["docstring", "tokens", "name", "repo"],
    "problems:solution_search": ["problem", "code"],
    "problems:topic_classification": ["id", "problem", "text_a", "tags"],
}
# Those that need a field for each label, and those that need the columns of the task type.
OF_LABELS, OF_TYPE = ("codexglue:fix_detection",), ("natural:merged_sets", "natural:multilingual")
# Columns of the examples that are not read from a column under ``fields``, and what says them.
SAID_ELSEWHERE = {"split": "the key as of read says the split", "language": "the key by of read names the language"}
ALLOWED = "a column, a text with {columns}, a list of these, {column, names} or {number, within}"


def field_problems(task: TaskSpec) -> Iterator[Problem]:
    """Yield the specifications of fields that cannot be read, and the keys without which no row is read."""
    mappings: list[tuple[KeyPath, dict[str, Any]]] = [(("fields",), task.fields)]
    mappings += [(("read", index, "fields"), entry.fields) for index, entry in enumerate(task.read)]
    for path, fields in mappings:
        for name, spec in fields.items():
            if name in SAID_ELSEWHERE:
                yield Problem((*path, name), f"there is no such field, as {SAID_ELSEWHERE[name]}: remove it")
            else:
                yield from _problems((*path, name), spec)
    if task.builder == ROWS:
        yield from _names(task, mappings)
        yield from _labels(task, mappings)
    yield from _missing(task)


def _names(task: TaskSpec, mappings: list[tuple[KeyPath, dict[str, Any]]]) -> Iterator[Problem]:
    """Fields that the task type does not have."""
    allowed = {*NEEDED[task.type], *OTHERS.get(task.type, ()), *ADDITIONAL}
    for path, fields in mappings:
        for name in sorted(fields.keys() - allowed - SAID_ELSEWHERE.keys()):
            yield Problem((*path, name), f"a {task.type} task has no such field; {suggest(name, allowed)}")


def _missing(task: TaskSpec) -> Iterator[Problem]:
    """Fields that the builder needs and a mapping lacks."""
    needed, who = _needed(task)
    if needed and not task.read:
        yield Problem(("read",), "is missing: say which files of which source are train, dev and test rows")
    own = [{*task.fields, *entry.fields} for entry in task.read] or [{*task.fields}]
    instead = {*OTHERS["retrieval"]} if task.builder == ROWS and task.type == "retrieval" else set()
    for name in needed:
        if not all(name in fields or (instead and instead <= fields) for fields in own):
            yield Problem(("fields", name), f"is missing: {who} needs it; map a column to it")


def _needed(task: TaskSpec) -> tuple[list[str], str]:
    """The fields that every mapping has to have, and what needs them."""
    builder = task.builder.removeprefix(BUILDERS)
    if task.builder == ROWS:
        return NEEDED[task.type], f"a {task.type} task"
    if builder in OF_LABELS:
        return task.labels, f"the builder {builder}, for the label of this name,"
    return TASK_TYPE_COLUMNS[task.type] if builder in OF_TYPE else NEEDED_BY.get(builder, []), f"the builder {builder}"


def _labels(task: TaskSpec, mappings: list[tuple[KeyPath, dict[str, Any]]]) -> Iterator[Problem]:
    """Names of values that are not among the labels of the task."""
    for path, fields in mappings:
        field = {"classification": "label", "tagging": "tags"}.get(task.type, "")
        spec = fields.get(field)
        names = spec.get("names") if isinstance(spec, dict) and task.labels and not task.options.multi else ()
        names = list(names.values()) if isinstance(names, dict) else names
        for name in names if isinstance(names, list) else ():
            if name not in task.labels:
                yield Problem(
                    (*path, field, "names"), f"{name!r} is no label of this task; {suggest(name, task.labels)}"
                )


def _problems(path: KeyPath, spec: Any) -> Iterator[Problem]:
    if isinstance(spec, list) and spec:
        for index, part in enumerate(spec):
            yield from _problems((*path, index), part)
    elif isinstance(spec, dict) and "number" in spec:
        if not isinstance(spec["number"], int) or isinstance(spec["number"], bool):
            yield Problem((*path, "number"), f"must be the number of the first row, not {spec['number']!r}")
        yield from _keys(path, spec, {"number": None, "within": str})
    elif isinstance(spec, dict):
        for key in ("column", "names"):
            if key not in spec:
                yield Problem((*path, key), f"is missing: a field is {ALLOWED}")
        yield from _keys(path, spec, {"column": str, "names": list | dict})
    elif not isinstance(spec, str) or not spec:
        yield Problem(path, f"must be {ALLOWED}, not {spec!r}")
    elif "{" in spec and not re.search(r"{[\w.]+}", spec):
        yield Problem(path, f"has a brace without a column, {spec!r}: write {{column}}")


def _keys(path: KeyPath, spec: dict[str, Any], kinds: dict[str, Any]) -> Iterator[Problem]:
    for key, value in spec.items():
        if key not in kinds:
            yield Problem((*path, key), f"unknown key: a field is {ALLOWED}")
        elif kinds[key] and (not isinstance(value, kinds[key]) or not value):
            kind = "a column" if kinds[key] is str else "a list or a mapping of names"
            yield Problem((*path, key), f"must be {kind}, not {value!r}")
