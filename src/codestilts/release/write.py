"""Write a release: a study's tables, digests, plan and tolerances, in a few hundred kB."""

import gzip
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
from packaging.requirements import Requirement

from codestilts.config.computations import ROUNDING
from codestilts.config.plan_record import PLAN
from codestilts.config.registration import plan_of
from codestilts.config.settings_json import short_digest
from codestilts.config.study import Study
from codestilts.csv_tables import read_csv, write_csv
from codestilts.errors import CodeStiltsError
from codestilts.job_files import read_json
from codestilts.provenance import atomic, commit, file_digest, write_json
from codestilts.release.extent import extent_of, tables_of_part
from codestilts.release.snapshot import RELEASE, Snapshot, read_snapshot, run_records
from codestilts.release.tables import COPIED, TABLES
from codestilts.release.tolerances import FOLDER

MEASURED = "tolerances.json"
DIFFERENCES = "differences.csv.gz"


def write_release(study: Study, results: Path, out: Path) -> dict[str, Any]:
    """Write a release of a study's results.

    A study that was run in part is released as far as it was run.

    Args:
        study: The study.
        results: Its folder of results.
        out: The folder of the release, which is replaced.

    Returns:
        The record of the release (``release.json``).

    Raises:
        CodeStiltsError: There are no results, or the tolerances are of other results.
    """
    snapshot = read_snapshot(results)
    if snapshot.release:
        raise CodeStiltsError(f"{results}: a release, not the results of a study")
    record = record_of(study, snapshot)
    with atomic(out) as folder:
        folder.mkdir()
        if "scores" not in snapshot.tables:
            snapshot = replace(snapshot, tables=snapshot.tables | _as_written(tables_of_part(study, results), folder))
        for name, table in snapshot.tables.items():
            write_table(table, folder / f"{name}.csv", TABLES[name].packed)
        if (results / PLAN).exists():
            shutil.copyfile(results / PLAN, folder / PLAN)
        if (measured := results / ROUNDING / MEASURED).exists():
            record["tolerances"] = read_json(measured)
            if record["tolerances"].get("of") != digest_of(snapshot.tables):
                raise CodeStiltsError(
                    f"{measured}: measured for other results: make rounding, or delete {measured.parent}"
                )
            shutil.copytree(measured.with_name(FOLDER), folder / FOLDER)
            shutil.copyfile(measured.with_name(DIFFERENCES), folder / f"{ROUNDING}.csv.gz")
        record["files"] = file_digests(folder)
        write_json(folder / RELEASE, record)
        shutil.rmtree(out, ignore_errors=True)
    return record


def file_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 digest of each file of a release but ``release.json`` itself, which has them."""
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: file_digest(path) for name, path in paths.items() if name != RELEASE}


def record_of(study: Study, snapshot: Snapshot) -> dict[str, Any]:
    """Return what a release says about itself: extent, commits, machines, packages, settings and seeds."""
    records = list(run_records(snapshot.folder))
    own = metadata.requires("codestilts") or []
    needed = sorted({Requirement(line).name for line in own if "extra ==" not in line})
    return {
        "study": study.name,
        "version": metadata.version("codestilts"),
        "commit": commit(),
        "commits": sorted({record["commit"] for record in records}),
        "machines": [json.loads(machine) for machine in snapshot.machines],
        "packages": {name: metadata.version(name) for name in needed},
        "seeds": sorted(study.config.seeds),
        "plan": short_digest(plan_of(study)),
        "settings": short_digest(study.config.model_dump(mode="json")),
        **extent_of(study, snapshot.files),
    }


def digest_of(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return a digest of the tables for which tolerances are measured."""
    return short_digest({name: tables[name].to_csv(index=False) for name in ("scores", "effects") if name in tables})


def write_table(table: pd.DataFrame, path: Path, packed: bool, float_format: str | None = None) -> None:
    """Write a table as CSV or, if ``packed``, as CSV.GZ of the same bytes whenever it is written."""
    write_csv(table, path, float_format)
    if packed:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        path.unlink()


def _as_written(tables: Mapping[str, pd.DataFrame], folder: Path) -> dict[str, pd.DataFrame]:
    """Return tables as they read back: as texts, numbers with as many decimals as the study's own tables have."""
    found = {}
    for name in [name for name in COPIED if name in tables]:
        write_csv(tables[name], folder / f"{name}.csv", float_format="%.6f")
        found[name] = read_csv(folder / f"{name}.csv", texts=True)
        (folder / f"{name}.csv").unlink()
    return found
