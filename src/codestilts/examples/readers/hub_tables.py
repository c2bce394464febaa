"""Make examples from a dataset repository of the hub, by mapping its columns to fields.

A task file says which files are a split and which columns are a field (keys ``read``, ``fields``, ``codes``), so that a
set needs no code if its columns can be mapped. Otherwise a builder starts from :func:`read`.
"""

import hashlib
import numbers
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from codestilts.columns import Record
from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Inputs, languages_of
from codestilts.examples.published_counts import record_counts
from codestilts.examples.readers.repository import Archive, column_of
from codestilts.examples.sampling import keep_rows, log_dropped_rows, orient_pairs, sample_rows

UNLABELLED = (-1, "-1", "")  # marks of a hidden or missing label in the hub's sets, besides null
LABELS = ("label", "tags")
OPTIONAL = ("id", "unit", "cluster", "package", "check", "name", "repo")  # a field that a row may lack


def rows(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Make the examples of a task whose columns can be mapped, up to the wanted number per split and language.

    Pairs for retrieval have the fields ``text``, in the row's language, and ``partner``; the option ``queries`` says
    which of them is the query.
    """
    frame = checked(read(inputs, settings), settings)
    if "text_a" in frame and "text_b" not in frame:
        frame["text_b"] = ""  # single texts
    if "partner" in frame:
        frame = orient_pairs(frame.rename(columns={"text": "query", "partner": "document"}), settings, "query")
    return sample_rows(frame, settings)


def read(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Read all rows that ``settings.read`` names.

    Entries are read in order. An entry with ``languages``, or with ``{code}`` in its ``config`` or ``files``, is read
    once per language. Test rows are read for the languages of the study, train rows of a target for its source language
    (dev rows of other languages serve the oracle of checkpoint selection). Rows without a label, or without another
    field that is not in ``OPTIONAL``, are dropped, and the log says how many.

    Returns:
        Table with id, language, split, cluster, package and the fields.

    Raises:
        CodeStiltsError: A config, split, file, column or label is missing (the message has the nearest spelling), a
            split has no labels, a value is not of the kind that its field needs, or a target has no train row in its
            source language.
    """
    frames, archives = [], dict[str, Archive]()
    for entry in settings.read:
        fields = {**settings.fields, **entry.get("fields", {})}
        for language in languages_of(entry, settings.languages, settings.source_language):
            code = settings.code_of(language)
            if entry["source"] not in archives:  # its card may declare hundreds of configs
                archives[entry["source"]] = Archive(inputs.files[entry["source"]], f"task {settings.task}")
            archive = archives[entry["source"]]
            wanted = columns_of([*fields.values(), *([entry["by"]] if "by" in entry else [])])
            table = archive.table(with_code(entry, code), wanted)
            frame = _mapped(table, entry, fields, language, settings, f"{entry['source']}/{code}")
            found = dict(frame["language"].value_counts()) if "by" in entry else {language: len(table)}
            record_counts(found, with_code(entry, code), settings)
            frames.append(frame)
    if not frames:
        raise CodeStiltsError(
            f"task {settings.task}: no entry of read is for {', '.join(settings.languages)}: correct read.languages"
        )
    frame = pd.concat([frame for frame in frames if len(frame)] or frames, ignore_index=True)
    return _in_source_language(frame[frame["language"].isin(settings.languages)].reset_index(drop=True), settings)


def _in_source_language(frame: pd.DataFrame, settings: BuilderSettings) -> pd.DataFrame:
    """Leave out a target's train rows in other languages, which would no longer be zero-shot.

    A rehearsal keeps them: its few rows of a table may have no other language.
    """
    train, source = frame["split"] == "train", settings.source_language
    other = train & (frame["language"] != source)
    if settings.role != "target" or settings.rehearsal or not other.any():
        return frame
    if (other == train).all():
        found = ", ".join(sorted(set(frame.loc[other, "language"])))
        raise CodeStiltsError(
            f"task {settings.task}: its train rows are in {found}, none in the source language {source}: read rows in "
            "that language, or choose another source_language"
        )
    return keep_rows(frame, ~other, f"a train row that is not in the source language {source}", settings)


def checked(frame: pd.DataFrame, settings: BuilderSettings) -> pd.DataFrame:
    """Turn the texts of places, which CSV files have, into numbers, and refuse values that are no lists or numbers.

    Raises:
        CodeStiltsError: A place is no whole number, or a list is none.
    """

    def converted(name: str, convert: Callable[[Any], Any], kind: str) -> list[Any]:
        found = [convert(value) for value in frame[name]]
        for example, value, new in zip(frame["id"], frame[name], found, strict=True):
            if new is None:
                raise CodeStiltsError(
                    f"task {settings.task}, example {example}: {name} is {value!r}, not {kind}: map another column"
                )
        return found

    places = [name for name in ("answer_start", "label") if name in frame and (name != "label" or "choices" in frame)]
    frame = frame.assign(**{name: converted(name, _whole, "a whole number, counted from 0") for name in places})
    lists = [name for name in ("choices", "tokens", "tags", "texts", "starts") if name in frame]
    return frame.assign(**{name: converted(name, _listed, "a list") for name in lists})


def _whole(value: Any) -> int | None:
    """Return a whole number, or a text or a float that is one; None for anything else."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        return int(value)
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)
    return int(value) if is_number and float(value).is_integer() else None


def _listed(value: Any) -> list[Any] | None:
    return value if isinstance(value, list) else None


def with_code(entry: Record, code: str) -> Record:
    """Fill the code of a language into an entry of ``read``."""
    return {key: value.replace("{code}", code) if isinstance(value, str) else value for key, value in entry.items()}


def columns_of(specs: list[Any]) -> set[str]:
    """Return the columns that field specifications read."""
    found: set[str] = set()
    for spec in specs:
        if isinstance(spec, list):
            found |= columns_of(spec)
        elif isinstance(spec, dict):
            found |= {spec[key].partition(".")[0] for key in ("column", "within") if key in spec}
        else:
            found |= {name.partition(".")[0] for name in (re.findall(r"{([\w.]+)}", spec) or [spec])}
    return found


def _mapped(
    table: pd.DataFrame, entry: Record, fields: Record, language: str, settings: BuilderSettings, place: str
) -> pd.DataFrame:
    """Map a table's columns to fields; drop rows that lack a field, and log how many."""
    where = f"task {settings.task}, {place}"
    config, split = entry.get("config", ""), entry.get("split", entry["as"])
    prefix = ":".join(part for part in (place, with_code(entry, language).get("config", config), split) if part)
    out = {name: values(table, spec, f"{where}: field {name}", settings) for name, spec in fields.items()}
    for single in [name for name in ("id", "unit", "package") if name in out]:
        if any(isinstance(value, list | dict) for value in out[single]):
            raise CodeStiltsError(f"{where}: field {single} has lists, not single values: map another column")
    frame = pd.DataFrame({name: pd.Series(cells, table.index, dtype=object) for name, cells in out.items()})
    numbers = pd.Series(table.index.astype(str), table.index, dtype=object)
    own = frame["id"].astype(str).where(frame["id"].notna(), numbers) if "id" in frame else numbers
    frame["id"] = [f"{prefix}:{name}" for name in own]
    if "package" not in frame:
        frame["package"] = entry["source"]
    frame["split"], frame["package"] = entry["as"], frame["package"].where(frame["package"].notna(), entry["source"])
    if "cluster" in frame:
        named = entry["source"] + ":" + frame["cluster"].astype(str).map(_short)
        frame["cluster"] = named.where(frame["cluster"].notna(), frame["id"])
    else:
        frame["cluster"] = frame["id"]
    frame["language"] = language
    if "by" in entry:
        names = {settings.code_of(name): name for name in settings.languages}
        frame["language"] = column_of(table, entry["by"], where).astype(str).map(names)
        unread = frame["language"].isna()
        log_dropped_rows(settings, unread.sum(), len(frame), f"{prefix}: {entry['by']} is no language that is read")
        frame = frame[~unread]
    for name in (name for name in fields if name not in OPTIONAL):
        absent = np.array([_is_absent(value, name, settings) for value in frame[name]], dtype=bool)
        if name in LABELS and len(frame) and absent.all():
            raise CodeStiltsError(f"{where}: no row of split {split} has a {name} (hidden?): read another split")
        log_dropped_rows(settings, absent.sum(), len(frame), f"{prefix}: no {name}")
        frame = frame[~absent]
    # Optional fields may lack values, which must not turn the numbers of the others into floats.
    whole = [name for name in frame if not frame[name].isna().any()]
    return frame.astype({name: frame[name].infer_objects().dtype for name in whole})


def _is_absent(value: Any, name: str, settings: BuilderSettings) -> bool:
    """Return whether a field, or a part of it, has no value."""
    if isinstance(value, list):
        return any(_is_absent(part, name, settings) for part in value)
    if name in LABELS and str(value) not in map(str, settings.labels):
        return is_null(value) or (isinstance(value, str | int) and value in UNLABELLED)
    return is_null(value)


def is_null(value: Any) -> bool:
    """Return whether a value is null: None, NaN or NaT."""
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _short(text: str) -> str:
    """Return a cluster's name: a text, or the digest of a long text (a passage, a premise)."""
    return text if len(text) <= 64 else hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def values(table: pd.DataFrame, spec: Any, where: str, settings: BuilderSettings) -> list[Any]:
    """Compute a field of every row.

    Args:
        table: Rows of a repository's table.
        spec: A column (``answers.text.0`` looks inside), a text with columns in braces, or a list of these (one list
            per row). A mapping with ``column`` and ``names`` gives the label of each value, by position or by key; a
            value that marks a missing label gives None. A mapping with ``number`` counts the rows from that number,
            with ``within`` separately for each value of a column.
        where: Task, source and field, for error messages.
        settings: Settings of the task.

    Raises:
        CodeStiltsError: A column is missing, or a value has no name.
    """
    if isinstance(spec, list):
        return [list(items) for items in zip(*(values(table, part, where, settings) for part in spec), strict=True)]
    if isinstance(spec, dict) and "number" in spec:
        within = column_of(table, spec["within"], where) if "within" in spec else pd.Series(0, index=table.index)
        if any(isinstance(value, np.ndarray | list | dict) for value in within):
            raise CodeStiltsError(f"{where}: column {spec['within']} has lists, not single values: name another one")
        return (within.groupby(within).cumcount() + spec["number"]).astype(str).tolist()
    if isinstance(spec, dict):
        names = spec["names"]
        known = {str(key): name for key, name in (names.items() if isinstance(names, dict) else enumerate(names))}
        found = column_of(table, spec["column"], where).tolist()
        return [_named(value, known, spec, f"{where}, row {row}") for row, value in enumerate(found)]
    if "{" in spec:
        parts = re.split(r"{([\w.]+)}", spec)  # texts and columns in turn
        columns = [[_decoded(value) for value in column_of(table, name, where)] for name in parts[1::2]]
        return [
            None if any(map(is_null, row))
            else "".join(f"{text}{value}" for text, value in zip(parts[::2], [*row, ""], strict=True)).strip()
            for row in zip(*columns, strict=True)
        ]  # fmt: skip
    return [_plain(value) for value in column_of(table, spec, where)]


def _named(value: Any, known: Record, spec: Record, where: str) -> Any:
    if hasattr(value, "__len__") and not isinstance(value, str):
        return [_named(part, known, spec, where) for part in value]
    key = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if key in known:
        return known[key]
    if is_null(value) or value in UNLABELLED:
        return None
    raise CodeStiltsError(f"{where}: column {spec['column']} has {value!r}, which has no name: {', '.join(known)}")


def _plain(value: Any) -> Any:
    """Convert arrays to lists and bytes to texts, and strip the line end that some sets leave in texts."""
    if isinstance(value, str | bytes):
        text = _decoded(value)
        return text and text.rstrip("\r\n")
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, np.ndarray | list) else value


def _decoded(value: Any) -> Any:
    """Decode bytes, None if they are not UTF-8; return anything else as it is."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
