"""What is compared of a study: its tables, settings and digests, read from a folder of results or from a release."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, TypeAdapter, ValidationError

from codestilts.config.plan_record import PLAN, current, read_entries
from codestilts.config.settings_json import short_digest, to_json
from codestilts.config.training_settings import RetrievalSettings, TrainingSettings
from codestilts.csv_tables import read_csv
from codestilts.errors import CodeStiltsError, one_line
from codestilts.job_files import reading
from codestilts.provenance import file_digest
from codestilts.release.tables import COPIED, TABLES
from codestilts.result_files import (
    ANY,
    examples_of,
    finished_files,
    prediction_files,
    reading_record,
    retrieval_record,
    training_records,
)

RELEASE = "release.json"
# Fields of settings that only say how jobs compute or what they keep, and the rate, which has a column of its own.
TECHNICAL = {"checkpoint_minutes", "keep_models", "threads", "seeds", "learning_rate"}
MACHINE = ("device", "processor", "threads", "precision")  # what decides the last bits, with the versions


@dataclass(frozen=True)
class _Machine:
    precision: str
    versions: dict[str, str]


@dataclass(frozen=True)
class _Measured:
    scores: Annotated[dict[str, dict[str, float]], Field(min_length=1)]  # by precision
    thresholds: dict[str, list[float]]


@dataclass(frozen=True)
class _Release:
    """What a comparison reads of ``release.json``; it has more."""

    machines: Annotated[list[_Machine], Field(min_length=1)]
    files: Annotated[dict[str, str], Field(min_length=1)]  # SHA-256 digests of its other files
    tolerances: _Measured | None = None
    lacks: dict[str, Any] = field(default_factory=dict)
    runs: int = 0
    of: int = 0


@dataclass(frozen=True)
class Snapshot:
    """A study as it is compared.

    Attributes:
        folder: The folder that it was read from.
        tables: The tables of :data:`TABLES` that are there, as texts.
        machines: What the runs were computed with: device, processor, threads, precision and versions.
        plan: The registered plan, under flat keys.
        release: ``release.json``, empty for a folder of results.
    """

    folder: Path
    tables: dict[str, pd.DataFrame]
    machines: tuple[str, ...]
    plan: dict[str, Any]
    release: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def settings(self) -> pd.DataFrame:
        """The registered plan as a table of settings, with values as JSON."""
        rows = [(name, value if isinstance(value, str) else to_json(value)) for name, value in self.plan.items()]
        return pd.DataFrame(rows, columns=["setting", "value"], dtype=str)

    @cached_property
    def precisions(self) -> set[str]:
        """The precisions that the runs were computed in."""
        return {str(json.loads(machine)["precision"]) for machine in self.machines}

    @property
    def files(self) -> set[str]:
        """The files of predictions."""
        return set(self.tables["predictions"]["file"]) if "predictions" in self.tables else set()


def read_snapshot(folder: Path) -> Snapshot:
    """Read a release, or the results of a study.

    Raises:
        CodeStiltsError: The folder is neither.
    """
    if (folder / RELEASE).exists():
        return _read_release(folder)
    if folder.is_file() and folder.suffix == ".zip":
        raise CodeStiltsError(f"{folder}: a zip: unpack it, and name the folder results/STUDY of what was in it")
    if not folder.is_dir() or not any((folder / name).exists() for name in (PLAN, "scores.csv", "predictions")):
        raise CodeStiltsError(f"{folder}: neither the results of a study nor a release: make report, or make release")
    records = list(run_records(folder))
    found = {name: _read_table(path, name) for name in COPIED if (path := folder / f"{name}.csv").exists()}
    found |= {"runs": runs(records), "predictions": predictions(folder), "examples": examples(folder)}
    tables = {name: found[name] for name in TABLES if name in found and len(found[name])}
    return Snapshot(folder, tables, machines(records), current(read_entries(folder / PLAN)))


def _read_release(folder: Path) -> Snapshot:
    path = folder / RELEASE
    try:
        release = json.loads(path.read_text(encoding="utf-8"))
        TypeAdapter(_Release).validate_python(release)
    except ValidationError as error:
        place, what = ".".join(map(str, error.errors()[0]["loc"])), error.errors()[0]["msg"]
        raise CodeStiltsError(f"{path}: not the record of a release ({place}: {what}): make release") from None
    except ValueError as error:
        raise CodeStiltsError(f"{path}: not the record of a release ({one_line(error)}): make release") from None
    for name, digest in release["files"].items():
        if not (folder / name).is_file() or file_digest(folder / name) != digest:
            raise CodeStiltsError(f"{folder / name}: missing or changed since its release: restore it, or make release")
    listed = tuple(json.dumps(machine, sort_keys=True) for machine in release["machines"])
    paths = {name: folder / f"{name}.csv{'.gz' if table.packed else ''}" for name, table in TABLES.items()}
    tables = {name: _read_table(path, name) for name, path in paths.items() if path.exists()}
    return Snapshot(folder, tables, listed, current(read_entries(folder / PLAN)), release)


def _read_table(path: Path, name: str) -> pd.DataFrame:
    """Read one of :data:`TABLES`, as texts, with the columns that identify its rows."""
    table = read_csv(path, texts=True)
    if missing := [key for key in TABLES[name].keys if key not in table]:
        raise CodeStiltsError(f"{path}: lacks the column {missing[0]}: delete it, and make it again")
    return table


def run_records(folder: Path) -> Iterable[dict[str, Any]]:
    """Yield the record of every run of a study's results: of a seed or, in frozen retrieval, of a batch of seeds.

    Raises:
        CodeStiltsError: A record cannot be read.
    """
    for path in sorted([*training_records(folder), *finished_files(folder, retrieval_record())]):
        with reading_record(path):
            record = json.loads(path.read_text(encoding="utf-8"))
            settings = record["settings"]
            settings["encoder"], settings["arm"], record["versions"].items(), record["processor"]
            record["precision"], "seed" in record or settings["seeds"]
            [draw["digest"] for draw in record.get("drawn", {}).values()]
        yield record


def machines(records: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Return what runs were computed with, each kind of machine once, as JSON."""
    kinds = [{**{name: record.get(name) for name in MACHINE}, "versions": record["versions"]} for record in records]
    return tuple(sorted({json.dumps(kind, sort_keys=True) for kind in kinds}))


def runs(records: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return one row per run: its learning rate, steps, tokens, drawn training rows, and a digest of its settings."""
    rows = []
    for record in records:
        settings = record["settings"]
        phase = record.get("phase", "retrieval")
        about = {"phase": phase, "encoder": settings["encoder"], "arm": settings["arm"]}
        about |= {"target": record.get("target", "")}
        drawn = {name: draw["digest"] for name, draw in record.get("drawn", {}).items()}
        for seed in [record["seed"]] if "seed" in record else settings["seeds"]:
            rows.append(
                about
                | {"seed": str(seed), "learning_rate": _text(settings.get("learning_rate"))}
                | {name: _text(record.get(name)) for name in ("steps", "tokens")}
                | {"drawn": short_digest(drawn) if drawn else "", "settings": settings_digest(phase, settings)}
            )
    return pd.DataFrame(rows, dtype=str)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def settings_digest(phase: str, settings: dict[str, Any]) -> str:
    """Return a digest of a run's settings without :data:`TECHNICAL` ones.

    Fields with their default value are left out, so that a later version's new field changes no digest.
    """
    kind = RetrievalSettings if phase == "retrieval" else TrainingSettings
    try:
        plain = json.loads(to_json(TypeAdapter(kind).validate_python(settings)))
    except ValidationError:  # of another version, with fields that this one lacks
        plain = settings
    return short_digest({name: value for name, value in plain.items() if name not in TECHNICAL})


def predictions(folder: Path) -> pd.DataFrame:
    """Return the number of rows and a digest of the content of every file of predictions, also of trivial baselines."""
    files = [*prediction_files(folder), *finished_files(folder, "baselines/*.parquet")]
    rows = [(path.relative_to(folder).as_posix(), *_content(path)) for path in sorted(files)]
    return pd.DataFrame(rows, columns=["file", "rows", "digest"], dtype=str)


def examples(folder: Path) -> pd.DataFrame:
    """Return the number of rows and a digest of the content of every task's examples."""
    rows = [(path.stem, *_content(path)) for path in finished_files(folder, examples_of(ANY))]
    return pd.DataFrame(rows, columns=["task", "rows", "digest"], dtype=str)


def _content(path: Path) -> tuple[str, str]:
    with reading(path):
        table = pq.read_table(path)
    return str(len(table)), content_digest(table)


def content_digest(table: pa.Table) -> str:
    """Return a digest of the rows of a table, in their order.

    It depends on names and values of columns, not on how parquet stores them: neither on the version of pyarrow nor on
    the order of the columns, the width of numbers or dictionaries of texts.
    """
    total = hashlib.sha256()
    for name in sorted(table.column_names):
        total.update(json.dumps([name, table[name].to_pylist()], ensure_ascii=False).encode())
    return total.hexdigest()[:32]
