"""Build the examples of a task: run its builder, validate the rows and assign their units."""

import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from codestilts.columns import LABEL_SEPARATOR
from codestilts.config.preparation_settings import BuildSettings
from codestilts.config.schema_task import TaskFile
from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Inputs, builder_settings
from codestilts.examples.contract import example_columns, validate_examples
from codestilts.examples.invented_rows import with_invented_languages
from codestilts.examples.published_counts import compare_with_published
from codestilts.files import read_yaml

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
    if spec.options.multi:  # one text for each set of labels
        frame["label"] = [LABEL_SEPARATOR.join(sorted({*text.split(LABEL_SEPARATOR)})) for text in frame["label"]]
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
