"""Examples out of a dataset repository of the hub: which files are a split, and which columns are a field.

A task file says both (keys ``read``, ``fields``, ``codes``), so that a set whose columns can be mapped needs no code.
Where they can't, a builder begins with :func:`read` and goes on from there.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import yaml

from codestilts.errors import CodeStiltsError
from codestilts.examples.published import count
from codestilts.examples.sampling import Inputs, Settings, posed, take

UNLABELLED = (-1, "-1", "", None)  # how the hub's sets mark a hidden or missing label
PLACES = (
    "{config}/{split}-*.parquet",
    "{config}/{split}/*.parquet",  # the branch refs/convert/parquet
    "data/{split}-*.parquet",
    "{config}/{split}.jsonl",
    "{config}.parquet",
)

Record = dict[str, Any]


def rows(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """The examples of a task whose columns can be mapped: as many of each split and language as asked for.

    Pairs to be retrieved have the fields ``text``, in the row's language, and ``partner``: ``queries`` says which asks.
    """
    frame = read(inputs, settings)
    if "partner" in frame:
        frame = posed(frame.rename(columns={"text": "query", "partner": "document"}), settings, "query")
    return take(frame, settings)


def read(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """All rows that ``settings["read"]`` names: id, language, split, cluster, package and the fields.

    Entries are read in order; one that says ``languages`` or has ``{code}`` in its ``config`` or ``files`` is read once
    a language. Rows without a label are left out. Test rows are read for the languages of the study, train and dev
    rows of a target for its source language (dev rows of the others serve the oracle of checkpoint selection).
    Raises :class:`CodeStiltsError` for a file, column or label that is not there.
    """
    frames, archives = [], dict[str, Archive]()
    for entry in settings["read"]:
        fields = {**settings.get("fields", {}), **entry.get("fields", {})}
        for language in languages_of(entry, settings):
            code = str(settings.get("codes", {}).get(language, language))
            if entry["source"] not in archives:  # its card may declare hundreds of configs
                archives[entry["source"]] = Archive(inputs[entry["source"]], f"task {settings['task']}")
            archive = archives[entry["source"]]
            table = archive.table(with_code(entry, code), fields)
            frame = _mapped(table, entry, fields, language, settings, f"{entry['source']}/{code}")
            found = dict(frame["language"].value_counts()) if "by" in entry else {language: len(table)}
            count(found, with_code(entry, code), settings)
            frames.append(frame)
    frame = pd.concat([frame for frame in frames if len(frame)] or frames, ignore_index=True)
    return frame[frame["language"].isin(settings["languages"])].reset_index(drop=True)


def languages_of(entry: Record, settings: Settings) -> list[str]:
    """The languages that an entry is read for; those of a column (``by``) are read together."""
    if "by" in entry:
        return [settings["languages"][0]]
    everywhere = any("{code}" in str(entry.get(key, "")) for key in ("config", "files"))
    source = settings.get("source_language")
    first = [source if source in settings["languages"] else settings["languages"][0]]
    named = entry.get("languages") or (settings["languages"] if everywhere else first)
    return [str(language) for language in named if language in settings["languages"]]


def with_code(entry: Record, code: str) -> Record:
    """An entry of ``read`` for one language."""
    return {key: value.replace("{code}", code) if isinstance(value, str) else value for key, value in entry.items()}


class Repository:
    """Which files a dataset repository has, and what its card says of them."""

    def __init__(self, names: list[str], card: str, where: str) -> None:
        self.names, self.where = names, where
        front = re.match(r"---\n(.*?)\n---", card, re.DOTALL)
        self.configs = (yaml.safe_load(front[1]) or {}).get("configs", []) if front else []

    def files(self, entry: Record) -> list[str]:
        """The members that hold a split of a config; the repository's card knows best."""
        config, split = str(entry.get("config") or "default"), str(entry.get("split") or entry["as"])
        if "files" in entry:
            patterns = [entry["files"]]
        else:
            patterns = [*self._declared(config, split), *(place.format(config=config, split=split) for place in PLACES)]
        for pattern in patterns:
            found = sorted(name for name in self.names if fnmatchcase(name, pattern))
            if found:
                return found
        data = [name for name in self.names if name.endswith((".parquet", ".jsonl", ".json"))]
        raise CodeStiltsError(
            f"{self.where}: no file for {patterns[0] if 'files' in entry else f'config {config}, split {split}'}: "
            f"it has {', '.join(data[:8]) or 'no tables'}{' ...' if len(data) > 8 else ''}"
        )

    def _declared(self, config: str, split: str) -> Iterator[str]:
        for entry in self.configs:
            files = entry.get("data_files", [])
            if entry.get("config_name") == config:
                for item in files if isinstance(files, list) else [{"split": "train", "path": files}]:
                    if isinstance(item, dict) and item.get("split") == split:
                        yield from [item["path"]] if isinstance(item["path"], str) else item["path"]


class Archive(Repository):
    """A fetched repository: a zip of its files."""

    def __init__(self, path: Path, where: str) -> None:
        self.path = path
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            card = archive.read("README.md").decode() if "README.md" in names else ""
        super().__init__(names, card, f"{where}, {path.name}")

    def table(self, entry: Record, fields: Record | None = None) -> pd.DataFrame:
        """The rows of a split of a config: the columns that ``fields`` and the entry name, or all of them."""
        wanted = columns_of(list(fields.values())) if fields else set()
        wanted |= {*(entry.get("where") or {}), *([entry["by"]] if "by" in entry else [])} if fields else set()
        parts = []
        with zipfile.ZipFile(self.path) as archive:
            for name in self.files(entry):
                stream = io.BytesIO(archive.read(name))
                try:
                    parts.append(_parquet(stream, wanted) if name.endswith(".parquet") else _json(stream, name))
                except (ValueError, OSError) as error:
                    raise CodeStiltsError(f"{self.where}: {name} cannot be read: {error}") from error
        table = pd.concat(parts, ignore_index=True)
        for column, allowed in (entry.get("where") or {}).items():
            values = allowed if isinstance(allowed, list) else [allowed]
            table = table[_column(table, column, self.where).isin(values)]
        return table.reset_index(drop=True)


def columns_of(specs: list[Any]) -> set[str]:
    """The columns that field specifications read."""
    found: set[str] = set()
    for spec in specs:
        if isinstance(spec, list):
            found |= columns_of(spec)
        elif isinstance(spec, dict):
            found.add(spec["column"].partition(".")[0])
        else:
            found |= {name.partition(".")[0] for name in (re.findall(r"{([\w.]+)}", spec) or [spec])}
    return found


def _parquet(stream: io.BytesIO, wanted: set[str]) -> pd.DataFrame:
    """The wanted columns of a parquet file that are there; all of them if none is, for the error to name."""
    names = pq.ParquetFile(stream).schema_arrow.names
    return pd.read_parquet(stream, columns=[name for name in names if name in wanted] or names)


def _json(stream: io.BytesIO, name: str) -> pd.DataFrame:
    return pd.read_json(stream, lines=name.endswith("l"), dtype=False)


def _mapped(
    table: pd.DataFrame, entry: Record, fields: Record, language: str, settings: Settings, place: str
) -> pd.DataFrame:
    """The table's rows with our columns."""
    where = f"task {settings['task']}, {place}"
    config, split = entry.get("config", ""), entry.get("split", entry["as"])
    prefix = ":".join(part for part in (place, with_code(entry, language).get("config", config), split) if part)
    out = {name: values(table, spec, f"{where}: field {name}", settings) for name, spec in fields.items()}
    frame = pd.DataFrame(out, index=table.index)
    own = frame["id"].astype(str) if "id" in frame else pd.Series(table.index.astype(str), index=table.index)
    frame["id"] = prefix + ":" + own
    frame["split"], frame["package"] = entry["as"], frame["package"] if "package" in frame else entry["source"]
    if "cluster" in frame:
        frame["cluster"] = entry["source"] + ":" + frame["cluster"].astype(str).map(_short)
    else:
        frame["cluster"] = frame["id"]
    frame["language"] = language
    if "by" in entry:
        names = {str(settings.get("codes", {}).get(name, name)): name for name in settings["languages"]}
        frame["language"] = _column(table, entry["by"], where).astype(str).map(names)
        frame = frame[frame["language"].notna()]
    labelled = pd.Series(True, index=frame.index)
    for name in ("label", "tags", "answer_text"):
        if name in frame:
            labelled &= frame[name].notna()
    return frame[labelled]


def _short(text: str) -> str:
    """A cluster's name: of a long text (a passage, a premise) its digest."""
    return text if len(text) <= 64 else hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def values(table: pd.DataFrame, spec: Any, where: str, settings: Settings) -> list[Any]:
    """A field of every row.

    ``spec`` is a column (``answers.text.0`` looks inside), a text with columns in braces, a list of these (one list a
    row), or a mapping with ``column`` and ``names``: the label of each value, by position or by key. A value that marks
    a missing label gives None; any other one that has no name is an error.
    """
    if isinstance(spec, list):
        return [list(items) for items in zip(*(values(table, part, where, settings) for part in spec), strict=True)]
    if isinstance(spec, dict):
        names = spec["names"]
        known = {str(key): name for key, name in (names.items() if isinstance(names, dict) else enumerate(names))}
        found = _column(table, spec["column"], where).tolist()
        return [_named(value, known, spec, f"{where}, row {row}") for row, value in enumerate(found)]
    if "{" in spec:
        parts = re.split(r"{([\w.]+)}", spec)  # texts and columns in turn
        columns = [_column(table, name, where).astype(str) for name in parts[1::2]]
        return [
            "".join(text + value for text, value in zip(parts[::2], [*row, ""], strict=True)).strip()
            for row in zip(*columns, strict=True)
        ]
    return [_plain(value) for value in _column(table, spec, where)]


def _named(value: Any, known: Record, spec: Record, where: str) -> Any:
    if hasattr(value, "__len__") and not isinstance(value, str):
        return [_named(part, known, spec, where) for part in value]
    if str(value) in known:
        return known[str(value)]
    if value in UNLABELLED:
        return None
    raise CodeStiltsError(f"{where}: column {spec['column']} has {value!r}, which has no name: {', '.join(known)}")


def _column(table: pd.DataFrame, path: str, where: str) -> pd.Series:
    """A column, or what lies in it: ``answers.text.0``."""
    first, *inside = path.split(".")
    if first not in table:
        raise CodeStiltsError(f"{where}: there is no column {first!r}: the table has {', '.join(map(str, table))}")
    found = table[first]
    for step in inside:
        key: Any = int(step) if step.isdigit() else step
        found = pd.Series([_inside(value, key) for value in found], index=table.index, dtype=object)
        if len(found) and found.isna().all() and not isinstance(key, int):
            raise CodeStiltsError(f"{where}: column {first!r} holds no {path!r}")
    return found


def _inside(value: Any, key: Any) -> Any:
    try:
        return value[key]
    except (KeyError, IndexError, TypeError):
        return None


def _plain(value: Any) -> Any:
    """Arrays as lists, texts without the line feed that some sets leave at their end."""
    if isinstance(value, str):
        return value.rstrip("\n")
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, np.ndarray | list) else value
