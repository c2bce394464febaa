"""Build the examples of a task: run its builder and validate the rows."""

import importlib
import numbers
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from codestilts.columns import EXAMPLE_COLUMNS, LABEL_SEPARATOR, TASK_TYPE_COLUMNS
from codestilts.config.field_specs import ROWS
from codestilts.config.preparation_settings import BuildSettings
from codestilts.config.schema_task import TaskFile
from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Inputs, builder_settings
from codestilts.examples.invented_rows import with_invented_languages
from codestilts.examples.parsing.languages import is_programming_language
from codestilts.examples.parsing.natural_languages import identified_languages
from codestilts.examples.published_counts import compare_with_published
from codestilts.files import read_yaml

TEXT_LISTS = {"choices", "tokens", "tags", "answers"}
FURTHER_TEXTS = ("answers", "copied")  # columns that examples may have
# Fields of which one must have words: a model learns nothing from a row without any.
WORDS = {"classification": ["text_a", "text_b"], "tagging": ["tokens"], "generation": ["reference"], "mlm": ["text"]}
TEXTS = TEXT_LISTS | {
    *("text_a", "text_b", "context", "question", "answer_text", "query", "document", "text", "source", "reference"),
    *("output_language", "copied"),
}
POSITIONS = {"span_qa": "answer_start", "multiple_choice": "label"}

Builder = Callable[[Inputs, BuilderSettings], pd.DataFrame]


def build_examples(file: Path, inputs: Inputs, settings: BuildSettings) -> tuple[pd.DataFrame, list[str]]:
    """Build the examples of the task in a YAML file.

    Args:
        file: The task file; its stem is the task's name.
        inputs: The files that the builder reads.
        settings: What the study decides about the task.

    Returns:
        Validated examples, with the numbers of dropped rows in their ``attrs``, and notes for the log.

    Raises:
        CodeStiltsError: The task file is invalid, or the examples break their contract.
    """
    try:
        spec = TaskFile.model_validate(read_yaml(file))
    except ValidationError as error:
        first = error.errors()[0]
        raise CodeStiltsError(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}: correct it") from error
    return build_task(spec, inputs, replace(settings, task=settings.task or file.stem))


def build_task(spec: TaskFile, inputs: Inputs, settings: BuildSettings) -> tuple[pd.DataFrame, list[str]]:
    """Build the examples of a task from its parsed file; see :func:`build_examples`."""
    task, asked = settings.task, builder_settings(spec, settings)
    frame = with_invented_languages(load_builder(task, spec.builder)(inputs, asked), asked)
    validate_examples(frame, task, spec)
    columns = example_columns(spec)
    frame = frame[columns + [name for name in frame if name not in columns]].reset_index(drop=True)
    notes = check_test_sets(frame, spec, asked, allow_empty=settings.rehearsal > 0)
    if not settings.rehearsal:
        notes += compare_with_published(asked.log.counts, task, spec.incomparable, strict=bool(settings.study))
    if spec.unit:
        frame["unit"], unit_notes = assign_units(frame, task, spec)
        notes += unit_notes
    frame.attrs = {"dropped": asked.log.dropped} if asked.log.dropped else {}  # pandas writes them to the parquet file
    return frame, notes


def load_builder(task: str, name: str) -> Builder:
    """Load the builder that a task file names as ``module:function``.

    Raises:
        CodeStiltsError: There is no such module or function.
    """
    module, _, function = name.partition(":")
    try:
        builder: Builder = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise CodeStiltsError(f"task {task}: builder {name!r}: {error}: use module:function") from None
    return builder


def example_columns(spec: TaskFile) -> list[str]:
    """The columns that a task's examples must have: the common ones and those of its type."""
    return [*EXAMPLE_COLUMNS, *TASK_TYPE_COLUMNS[spec.type]]


def required_splits(spec: TaskFile) -> list[str]:
    """The splits that must not be empty. A task with a ``group`` can be a target, so it needs a test set."""
    if not spec.group:
        return ["dev", "train"]
    return ["dev", "test", "train"] if spec.trained else ["test"]


def validate_examples(frame: pd.DataFrame, task: str, spec: TaskFile) -> None:
    """Validate examples against the contract of their task type.

    Raises:
        CodeStiltsError: A column or value is missing, an id occurs twice, a required split is empty, or a value does
        not
            fit the task type or the declared labels.
    """
    for name in example_columns(spec):
        if name not in frame:
            raise CodeStiltsError(f"task {task}: builder {spec.builder} made no column {name!r}: {_made_by(spec)}")
        missing = frame[name].isna()
        if missing.any():
            example = frame.loc[missing, "id"].iloc[0]
            raise CodeStiltsError(f"task {task}, example {example}: {name!r} is missing: {_drop(spec)}")
    repeated = frame["id"].duplicated()
    if repeated.any():
        raise CodeStiltsError(
            f"task {task}: two examples have the id {frame.loc[repeated, 'id'].iloc[0]}: make it unique"
        )
    for split in required_splits(spec):
        if not (frame["split"] == split).any():
            raise CodeStiltsError(f"task {task}: split {split} is empty: {_rows_of(spec, split)}")
    _validate_texts(frame, task, spec)
    _validate_positions(frame, task, spec)
    _validate_output_languages(frame, task, spec)
    _validate_labels(frame, task, spec)
    mismatched = _mismatched(frame, spec)
    if mismatched.any():
        example = frame.loc[mismatched, "id"].iloc[0]
        raise CodeStiltsError(f"task {task}, example {example}: its fields don't fit each other: {_drop(spec)}")
    _validate_words(frame, task, spec)


def _validate_texts(frame: pd.DataFrame, task: str, spec: TaskFile) -> None:
    further = [name for name in FURTHER_TEXTS if name in frame]
    for name in [name for name in [*TASK_TYPE_COLUMNS[spec.type], *further] if name in TEXTS]:
        for example, value in zip(frame["id"], frame[name], strict=True):
            many = name in TEXT_LISTS
            parts = value if many else [value]
            listed = pd.api.types.is_list_like(parts)
            wrong = [part for part in parts if not isinstance(part, str)] if listed else [parts]
            if wrong:
                kind = "a list of texts" if many else "text"
                mend = _mend("tags", wrong[0]) if name == "tags" else "map another column"
                raise CodeStiltsError(f"task {task}, example {example}: {name} is {value!r}, not {kind}: {mend}")


def _mend(field: str, value: Any) -> str:
    """Return in words how a value that is no text becomes a label: a number or a truth value gets a name."""
    if isinstance(value, str) or not pd.api.types.is_scalar(value):
        return "map another column"
    names = '{"True": ..., "False": ...}' if isinstance(value, bool | np.bool_) else "[...]"
    return f"name its values in the task file, {field}: {{column: ..., names: {names}}}"


def _validate_words(frame: pd.DataFrame, task: str, spec: TaskFile) -> None:
    names = WORDS.get(spec.type, [])
    for example, *row in zip(frame["id"], *(frame[name] for name in names), strict=True):
        if names and not any(part.strip() for value in row for part in ([value] if isinstance(value, str) else value)):
            raise CodeStiltsError(f"task {task}, example {example}: no words in {' and '.join(names)}: {_drop(spec)}")


def _drop(spec: TaskFile) -> str:
    """Return what mends a row from which nothing can be learnt: rows that are only mapped are the user's own."""
    return "correct or remove this row" if spec.builder == ROWS else "drop such rows in the builder"


def _made_by(spec: TaskFile) -> str:
    """Return what adds a column to the examples: the mapping of the task file, or the builder."""
    return "map it under fields" if spec.builder == ROWS else "add it"


def _rows_of(spec: TaskFile, split: str) -> str:
    """Return in words where a split's rows come from."""
    entries = [f"read.{index}" for index, entry in enumerate(spec.read) if entry.as_ == split]
    if entries:
        return f"no row of {' and '.join(entries)} is left: check its files, languages, by, where, and codes"
    return f"add an entry of read with as: {split}" if spec.read else "add packages or relax the task's build"


def _validate_positions(frame: pd.DataFrame, task: str, spec: TaskFile) -> None:
    name = POSITIONS.get(spec.type)
    for example, value in zip(frame["id"], frame[name] if name else [], strict=bool(name)):
        if not isinstance(value, numbers.Integral):
            raise CodeStiltsError(
                f"task {task}, example {example}: {name} is {value!r}, not a whole number: map another column"
            )


def _validate_output_languages(frame: pd.DataFrame, task: str, spec: TaskFile) -> None:
    if spec.type != "generation":
        return
    for language in sorted(set(frame["output_language"])):
        if not (is_programming_language(language) or language in identified_languages()):
            raise CodeStiltsError(
                f"task {task}: nothing can tell whether an output is in {language}, which lingua-language-detector "
                "lacks: remove it from the task's languages"
            )


def _validate_labels(frame: pd.DataFrame, task: str, spec: TaskFile) -> None:
    if not spec.labels or spec.type not in ("classification", "tagging"):
        return
    if spec.type == "tagging":
        used = frame["tags"]
    elif spec.options.multi:
        used = frame["label"].map(lambda label: label.split(LABEL_SEPARATOR) if isinstance(label, str) else [label])
    else:
        used = frame["label"].map(lambda label: [label])
    for example, labels in zip(frame["id"], used, strict=True):
        for label in labels if isinstance(labels, list | np.ndarray) else [labels]:
            if not isinstance(label, str):
                number = isinstance(label, numbers.Number) and not isinstance(label, bool)
                kind = f"{'a number' if number else type(label).__name__}, not text"
                mend = _mend("label", label)
                raise CodeStiltsError(f"task {task}, example {example}: label {label!r} is {kind}: {mend}")
            if label not in spec.labels:
                raise CodeStiltsError(
                    f"task {task}, example {example}: label {label!r} is not declared: use {', '.join(spec.labels)}"
                )


def _mismatched(frame: pd.DataFrame, spec: TaskFile) -> pd.Series:
    """Whether an example's fields contradict each other: lengths, the label's index, one choice, the answer's span."""
    if spec.type == "tagging":
        return frame["tokens"].str.len() != frame["tags"].str.len()
    if spec.type == "multiple_choice":
        choices = frame["choices"].str.len()
        return (frame["label"] < 0) | (frame["label"] >= choices) | (choices < 2)
    if spec.type == "span_qa":  # an unanswerable question has an empty answer
        matches = [
            start >= 0 and context[start : start + len(text)] == text and (text != "" or spec.options.no_answer)
            for context, start, text in zip(frame["context"], frame["answer_start"], frame["answer_text"], strict=True)
        ]
        return ~pd.Series(matches, index=frame.index, dtype=bool)
    return pd.Series(False, index=frame.index)


def check_test_sets(frame: pd.DataFrame, spec: TaskFile, settings: BuilderSettings, allow_empty: bool) -> list[str]:
    """Note test sets that are smaller than asked for, and those in which every example has the same label.

    Raises:
        CodeStiltsError: A language has no test example, unless ``allow_empty`` (a rehearsal).
    """
    if not spec.group:
        return []
    task, notes = settings.task, []
    tests = frame[frame["split"] == "test"]
    counts, asked = tests["language"].value_counts(), settings.test or 0
    for language in settings.languages:
        count = int(counts.get(language, 0))
        if not count and not allow_empty:
            raise CodeStiltsError(f"task {task}: no test example of {language}: remove it from the task's languages")
        if not count:
            notes.append(f"{task}: {language} has no test example")
        elif count < asked:
            notes.append(f"{task}: {language} has {count} of {asked} test examples")
    if spec.type == "classification":
        labels = tests.groupby("language")["label"]
        constant = labels.first()[labels.nunique() == 1]
        notes += [
            f"{task}: all test examples of {language} are '{label}': a constant prediction is right"
            for language, label in constant.items()
        ]
    return notes


def assign_units(frame: pd.DataFrame, task: str, spec: TaskFile) -> tuple[pd.Series, list[str]]:
    """Assign each example the unit that statistics resample: its field ``unit`` or else its cluster.

    Units are prefixed with the name of their kind (``unit`` of the task file). Rows that are numbered as translations
    of each other are parallel only if the rows of a number have the same label. In a language where they don't, each
    row becomes a unit of its own.

    Returns:
        The units, and a note for each language whose rows are not parallel.
    """
    units, notes = frame["unit"].fillna(frame["cluster"]) if "unit" in frame else frame["cluster"], []
    numbered = [entry.as_ for entry in spec.read if "number" in entry.fields.get("unit", ())]
    rows = frame[frame["split"].isin(numbered)]
    if len(rows):
        groups = rows["label"].groupby([rows["split"], units[rows.index]])
        usual = groups.transform(lambda labels: labels.mode()[0])
        for language in sorted(set(rows.loc[usual != rows["label"], "language"])):
            units = units.mask(frame["split"].isin(numbered) & (frame["language"] == language), frame["id"])
            notes.append(f"{task}: rows of {language} are not parallel to the others: each is a unit of its own")
    return f"{spec.unit}:" + units.astype(str), notes


def summarize_examples(frame: pd.DataFrame, task: str) -> str:
    """Describe in one line how many examples each split and language has."""
    counts = (frame["split"] + " " + frame["language"]).value_counts().sort_index()
    return f"{task}: {', '.join(f'{name} {count}' for name, count in counts.items())}"
