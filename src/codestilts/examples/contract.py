"""The contract of examples: what the rows of a task must have, whoever made them."""

import numbers
from typing import Any

import numpy as np
import pandas as pd

from codestilts.columns import EXAMPLE_COLUMNS, LABEL_SEPARATOR, TASK_TYPE_COLUMNS
from codestilts.config.field_specs import ROWS
from codestilts.config.schema_task import TaskFile
from codestilts.errors import CodeStiltsError
from codestilts.examples.parsing.languages import is_programming_language
from codestilts.examples.parsing.natural_languages import identified_languages
from codestilts.examples.text import is_blank

TEXT_LISTS = {"choices", "tokens", "tags", "answers"}
FURTHER_TEXTS = ("answers", "copied")  # columns that examples may have
# Lists of fields of which one must have words: a model learns nothing from a row without any.
WORDS = {
    "classification": [["text_a", "text_b"]],
    "tagging": [["tokens"]],
    "generation": [["reference"], ["answers"]],
    "mlm": [["text"]],
}
TEXTS = TEXT_LISTS | {
    *("text_a", "text_b", "context", "question", "answer_text", "query", "document", "text", "source", "reference"),
    *("output_language", "copied"),
}
POSITIONS = {"span_qa": "answer_start", "multiple_choice": "label"}


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
            not fit the task type or the declared labels.
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
    _validate_clusters(frame, task, spec)
    _validate_tags(frame, task, spec)


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
    for names in WORDS.get(spec.type, []):
        present = [frame[name] for name in names if name in frame]
        for example, *row in zip(frame["id"], *present, strict=True) if present else ():
            parts = [part for value in row for part in ([value] if isinstance(value, str) else value)]
            if all(map(is_blank, parts)):
                where = " and ".join(names)
                raise CodeStiltsError(f"task {task}, example {example}: no words in {where}: {_drop(spec)}")


def _validate_clusters(frame: pd.DataFrame, task: str, spec: TaskFile) -> None:
    if spec.options.protocol != "map":
        return
    tested = frame[frame["split"] != "train"]
    alone = tested.groupby(["split", "language", "cluster"])["id"].transform("size") == 1
    if alone.any():
        example = tested.loc[alone, "id"].iloc[0]
        raise CodeStiltsError(
            f"task {task}, example {example}: no other row of its split has its cluster, which protocol: map "
            "searches for: map fields.cluster to what right rows have in common, or drop such rows"
        )


def _validate_tags(frame: pd.DataFrame, task: str, spec: TaskFile) -> None:
    if spec.type != "tagging":
        return
    spaced = frame["tags"].map(lambda tags: any(len(tag.split()) != 1 for tag in tags))
    if spaced.any():
        example = frame.loc[spaced, "id"].iloc[0]
        raise CodeStiltsError(f"task {task}, example {example}: a tag is empty or has white space: rename it")


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
