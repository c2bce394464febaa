"""Build the examples of a task: its builder's result, checked."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.published_counts import compare_with_published
from codestilts.files import read_yaml

COMMON = ("id", "language", "split", "cluster", "package")
FIELDS = {
    "classification": ("text_a", "text_b", "label"),
    "multiple_choice": ("context", "choices", "label"),
    "tagging": ("tokens", "tags"),
    "span_qa": ("question", "context", "answer_start", "answer_text"),
    "retrieval": ("query", "document"),
    "mlm": ("text",),
}
TEXTS = {"text_a", "text_b", "context", "choices", "tokens", "question", "query", "document", "text"}

Record = dict[str, Any]


def load_builder(task: str, name: str) -> Callable[[dict[str, Path], Record], pd.DataFrame]:
    """The function ``module:function`` of this library that makes a task's examples."""
    module, _, function = str(name).partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise CodeStiltsError(f"task {task}: builder {name!r}: {error}: use module:function") from None


def required_splits(spec: Record) -> set[str]:
    """The splits that must not be empty: a task with a ``group`` can be a target, so it needs a test set."""
    if not spec.get("group"):
        return {"train", "dev"}
    return {"train", "dev", "test"} if spec.get("trained", True) else {"test"}


def validate_examples(frame: pd.DataFrame, task: str, spec: Record, settings: Record) -> list[str]:
    """Raise if the examples break their contract; return notes on test sets smaller than asked for."""
    columns = [*COMMON, *FIELDS[spec["type"]]]
    for name in columns:
        if name not in frame:
            raise CodeStiltsError(f"task {task}: builder {spec['builder']} made no column {name!r}")
        missing = frame[name].isna()
        if missing.any():
            raise CodeStiltsError(f"task {task}: {name!r} is missing in example {frame.loc[missing, 'id'].iloc[0]}")
    repeated = frame["id"].duplicated()
    if repeated.any():
        raise CodeStiltsError(f"task {task}: two examples have the id {frame.loc[repeated, 'id'].iloc[0]}")
    for split in sorted(required_splits(spec)):
        if not (frame["split"] == split).any():
            raise CodeStiltsError(f"task {task}: split {split} is empty: add packages or relax the task's build")
    _check_values(frame, task, spec)
    notes = []
    if spec.get("group"):
        tested = frame.loc[frame["split"] == "test", "language"].value_counts()
        for language in settings["languages"]:
            count, asked = int(tested.get(language, 0)), int(settings.get("test") or 0)
            if not count and settings.get("rehearsal"):
                notes.append(f"{task}: {language} has no test example")
            elif not count:
                raise CodeStiltsError(f"task {task}: no test example of {language}: take it from the task's languages")
            elif count < asked:
                notes.append(f"{task}: {language} has {count} of {asked} test examples")
        if spec["type"] == "classification":
            tests = frame[frame["split"] == "test"].groupby("language")["label"]
            alike = tests.first()[tests.nunique() == 1]
            notes += [
                f"{task}: all test examples of {name} are '{label}': a constant is right"
                for name, label in alike.items()
            ]
    return notes


def assign_units(frame: pd.DataFrame, task: str, spec: Record) -> tuple[pd.Series, list[str]]:
    """What is sampled together with each example: the field ``unit``, or else the cluster, after the name of its kind.

    Rows that are told by their number are translations of each other only if those of a number have one label; in a
    language where they don't, each row is a unit of its own, and a note says so.
    """
    own, notes = frame["unit"].fillna(frame["cluster"]) if "unit" in frame else frame["cluster"], []
    numbered = [entry["as"] for entry in spec.get("read", []) if "number" in entry.get("fields", {}).get("unit", ())]
    rows = frame[frame["split"].isin(numbered)]
    if len(rows):
        usual = rows["label"].groupby([rows["split"], own[rows.index]]).transform(lambda labels: labels.mode()[0])
        for language in sorted(set(rows.loc[usual != rows["label"], "language"])):
            own = own.mask(frame["split"].isin(numbered) & (frame["language"] == language), frame["id"])
            notes.append(f"{task}: rows of {language} are not parallel to the others: each is a unit of its own")
    return f"{spec['unit']}:" + own.astype(str), notes


def _check_values(frame: pd.DataFrame, task: str, spec: Record) -> None:
    """Texts that are texts, labels within the declared set, indices and lengths that fit."""
    kind, ids = spec["type"], frame["id"].to_numpy()
    for name in set(FIELDS[kind]) & TEXTS:
        for row, value in zip(ids, frame[name], strict=True):
            if not all(isinstance(part, str) for part in ([value] if name not in ("tokens", "choices") else value)):
                raise CodeStiltsError(f"task {task}, example {row}: {name} is {value!r}, not text: map another column")
    if kind in ("classification", "tagging") and spec.get("labels"):
        allowed = set(spec["labels"])
        if kind == "tagging":
            used = frame["tags"]
        elif (spec.get("options") or {}).get("multi"):
            used = frame["label"].str.split("|")
        else:
            used = frame["label"].map(lambda label: [label])
        for row, labels in zip(ids, used, strict=True):
            for label in labels:
                if label not in allowed:
                    raise CodeStiltsError(
                        f"task {task}, example {row}: label {label!r} is not declared: use {', '.join(spec['labels'])}"
                    )
    if kind == "tagging":
        bad = frame["tokens"].str.len() != frame["tags"].str.len()
    elif kind == "multiple_choice":
        bad = (frame["label"] < 0) | (frame["label"] >= frame["choices"].str.len())
    elif kind == "span_qa":
        empty = (spec.get("options") or {}).get("no_answer", False)  # an unanswerable question has an empty answer
        found = [
            context[start : start + len(text)] == text and (text != "" or empty)
            for context, start, text in zip(frame["context"], frame["answer_start"], frame["answer_text"], strict=True)
        ]
        bad = ~pd.Series(found, index=frame.index)
    else:
        return
    if bad.any():
        raise CodeStiltsError(f"task {task}, example {ids[bad.to_numpy()][0]}: its fields don't fit each other")


class _Needed(dict[str, Any]):
    """Settings; a key that a builder needs and the task file lacks is an error for people."""

    def __missing__(self, key: str) -> Any:
        raise CodeStiltsError(f"task {self['task']}: build: {key} is missing: its builder needs it in the task file")


def build_examples(file: Path, inputs: dict[str, Path], settings: Record) -> tuple[pd.DataFrame, list[str]]:
    """Checked examples of the task in a YAML file, and notes for the log.

    The builder gets what the file declares, ``task`` (its name), ``languages``, ``labels``, ``read``, ``fields``,
    ``codes`` and every one of its keys under ``build``, and over it ``settings``.
    """
    spec, task = read_yaml(file), file.stem
    declared: Record = {"task": task, "languages": spec["languages"], "labels": spec.get("labels", [])}
    mapped: Record = {key: spec[key] for key in ("read", "fields", "codes") if key in spec}
    dropped: dict[str, int] = {}  # filled in by whatever leaves rows out
    given = {"counted": [], "dropped": dropped}
    settings = _Needed({**declared, **mapped, **spec.get("build", {}), **settings, **given})
    frame = load_builder(task, spec["builder"])(inputs, settings)
    columns = [*COMMON, *FIELDS[spec["type"]]]
    frame = frame[columns + [name for name in frame if name not in columns]].reset_index(drop=True)
    notes = [*validate_examples(frame, task, spec, settings), *compare_with_published(task, spec, settings)]
    if spec.get("unit"):
        frame["unit"], told = assign_units(frame, task, spec)
        notes += told
    frame.attrs = {"dropped": dropped} if dropped else {}  # pandas keeps it in the parquet file
    return frame, notes
