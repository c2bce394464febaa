"""Which files of a project and of a study's results a study archive holds, and which of them a redraw reads."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from codestilts.archiving.licences import text_policy
from codestilts.config.claim_jobs import decidable_claims
from codestilts.config.doses import dose_pairs
from codestilts.config.plan_record import PLAN, read_entries
from codestilts.config.registration import plan_of
from codestilts.config.settings_json import short_digest
from codestilts.config.study import Study
from codestilts.config.transferability import transferability_pairs
from codestilts.csv_tables import read_csv
from codestilts.errors import CodeStiltsError
from codestilts.provenance import is_leftover
from codestilts.release.extent import files_of_runs
from codestilts.reporting.exhibits import NOTEBOOK_OF
from codestilts.result_files import intermediate_record, predictions_of, retrieval_record, target_record

Members = dict[str, Path | bytes]

PROJECT_FILES = ["Snakefile", "config.yaml", "claims.yaml", "sources.csv", "Makefile", "pyproject.toml", "LICENSE"]
PROJECT_FILES += ["CITATION.cff", "CHANGELOG.md"]
# Profiles of clusters are left out: they hold accounts and folders of a site.
PROJECT_FOLDERS = ["containers", "envs", "notebooks", "profiles/default", "report", "rules", "scripts", "src"]
PROJECT_FOLDERS += ["studies", "tasks"]
BUILT = re.compile(r"(^|/)(__pycache__|[^/]+\.egg-info)/|\.sif(\.sha256)?$")

# Files of a folder of results, as regular expressions. A redraw reads GIVEN, and makes the others again.
TABLES = "scores|effects|contrasts|target_checks|counts|runs|curves|layers|doses|claims"  # made again
PREDICTIONS = r"predictions/.*\.parquet|retrieval/.*\.(parquet|csv|json)|baselines/.*\.parquet"
NOTEBOOKS = r"notebooks/.*\.ipynb"
SHOWN_TEXTS = r"(sample|browsed)_predictions\.(csv|parquet)"
REPORT = "report.html"
# Those that the report shows now: what an older version of the project has left beside them stays out.
EXHIBITS = rf"(tables|figures)/([^/]+/)?({'|'.join(NOTEBOOK_OF)}|effects-[^/]+)\.(csv|tex|svg|pdf|png)"
INSERTED = "-job-properties"  # end of the tag of the cell that is inserted into a notebook before it runs
SUMS = r"scores/.*\.parquet"
VERDICTS = r"claims/.*\.json"
GIVEN = (
    rf"{PREDICTIONS}|plan\.json|(records|target)/.*/run\.json|(doses|tuning)/.*\.(json|csv)|benchmarks/.*\.tsv"
    rf"|{SHOWN_TEXTS}|(?!({TABLES})\.csv)[\w-]+\.csv"
)
REDRAWN = rf"({TABLES})\.csv|{SUMS}|{VERDICTS}|{EXHIBITS}|{NOTEBOOKS}|report\.html"


def project_members(root: Path) -> Members:
    """Return the files of the project that are needed to run it."""
    files = [root / name for name in PROJECT_FILES]
    files += [path for folder in PROJECT_FOLDERS for path in files_below(root / folder)]
    named = {path.relative_to(root): path for path in files if path.exists()}
    return {
        name.as_posix(): path
        for name, path in named.items()
        if not is_leftover(name) and not BUILT.search(name.as_posix())
    }


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and its folders, also in those that are links: results may be on several disks."""
    for place, _, names in os.walk(folder, followlinks=True):
        yield from (path for name in names if (path := Path(place, name)).is_file())


def config_members(root: Path, configs: Sequence[Path]) -> tuple[list[str], Members]:
    """Return the names that the config files of a study have in its archive, and the files by name.

    The first is ``config.yaml``; one from outside the project goes to ``studies/``.
    """
    names, members = list[str](), Members()
    for number, path in enumerate(configs):
        inside = path.resolve().is_relative_to(root.resolve()) and "results" not in path.parts
        relative = path.resolve().relative_to(root.resolve()).as_posix() if inside else f"studies/{path.name}"
        names.append(relative if number else "config.yaml")
        members[names[-1]] = path
    return names, members


def result_members(study: Study, results: Path, start: str) -> Members:
    """Return the files of a folder of results that go into the archive.

    Args:
        study: The study.
        results: Its folder.
        start: What a redraw starts from (:func:`starting_point`).

    Raises:
        CodeStiltsError: The study is not finished, or was run with other settings than those of its config.
    """
    _check_finished(study, results)
    policy = text_policy(study)
    named = {path.relative_to(results).as_posix(): path for path in sorted(files_below(results))}
    members = Members()
    for name, path in named.items():
        parts = [*Path(name).parts[:-1], path.stem]
        withheld = re.fullmatch(PREDICTIONS, name) and set(parts) & set(policy.withheld)
        hidden = any(part.startswith(".") for part in parts) or (name == REPORT and policy.closed)
        if (is_given(name, start) or re.fullmatch(REDRAWN, name)) and not withheld and not hidden:
            if path.is_symlink():  # it may lead anywhere
                raise CodeStiltsError(f"{path}: a link: put the file itself in its place")
            members[f"results/{study.name}/{name}"] = _prepared(name, path, policy.closed)
    return members


def _prepared(name: str, path: Path, closed: Sequence[str]) -> Path | bytes:
    """Return a file as the archive has it: without texts that may not be passed on, and without paths in notebooks."""
    if re.fullmatch(NOTEBOOKS, name):
        return without_machine(json.loads(path.read_text(encoding="utf-8")), outputs=not closed)
    if closed and re.fullmatch(SHOWN_TEXTS, name):
        return without_targets(path, closed)
    return path


def without_machine(notebook: dict[str, Any], *, outputs: bool = True) -> bytes:
    """Return a notebook as it was run, without the cells, outputs and metadata that describe the machine.

    The workflow inserts a cell with its search path and its objects, Papermill notes the path of its input, and
    warnings name the files that they come from. Without ``outputs`` it has none at all, so that no notebook shows a
    text that may not be passed on.
    """
    tags = [cell["metadata"].get("tags", []) for cell in notebook["cells"]]
    inserted = [any(tag.endswith(INSERTED) for tag in own) for own in tags]
    cells = [cell for cell, is_inserted in zip(notebook["cells"], inserted, strict=True) if not is_inserted]
    for cell in cells:
        if "outputs" in cell:
            cell["outputs"] = [output for output in cell["outputs"] if outputs and output.get("name") != "stderr"]
    metadata = {key: value for key, value in notebook["metadata"].items() if key != "papermill"}
    return (json.dumps(notebook | {"cells": cells, "metadata": metadata}, indent=1, ensure_ascii=False) + "\n").encode()


def without_targets(path: Path, closed: Sequence[str]) -> bytes:
    """Return a table of sample predictions without those of some targets."""
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        return bytes(table[~table["target"].isin(closed)].to_parquet(index=False))
    table = read_csv(path, texts=True)
    return table[~table["target"].isin(closed)].to_csv(index=False).encode()


def is_given(name: str, start: str) -> bool:
    """Return whether a redraw reads a file of the results, instead of making it again."""
    given = GIVEN if start == "predictions" else rf"{GIVEN}|{SUMS}|{VERDICTS}"
    return re.fullmatch(given, name) is not None


def is_redrawn(name: str) -> bool:
    """Return whether a redraw makes a file of the results that an archive has."""
    return re.fullmatch(REDRAWN, name) is not None and not any(part.startswith(".") for part in Path(name).parts)


def starting_point(study: Study) -> Literal["predictions", "scores"]:
    """Return what a redraw starts from: predictions, or scores if some predictions are withheld."""
    return "scores" if text_policy(study).withheld else "predictions"


def needed_files(study: Study) -> list[str]:
    """Return the files of a finished study's results that a redraw reads, and the tables that it makes."""
    pairs, runs = list(study.encoder_arms), study.runs + study.twin_runs
    files = [*files_of_runs(study).values()]
    files += [predictions_of(*run, batch) for run in study.twin_runs for batch in study.batches]
    files += [retrieval_record(*pair, batch) for pair in pairs for batch in study.batches]
    for batch, seeds in study.batches.items():
        files += [intermediate_record(*pair, batch, seed) for pair in study.intermediate_models for seed in seeds]
        files += [target_record(*run, batch, seed) for run in runs for seed in seeds]
    files += [f"baselines/{target}.parquet" for target in study.targets]
    files += [f"doses/{'/'.join(pair)}.{suffix}" for pair in dose_pairs(study) for suffix in ("json", "csv")]
    files += [f"claims/{claim}.json" for claim in decidable_claims(study)]
    tables = {*TABLES.split("|"), "audit", "matched_tasks", "language_similarity", "sample_predictions"}
    tables -= set() if dose_pairs(study) else {"doses"}
    tables |= {"transferability"} if transferability_pairs(study) else set()
    tables |= {"source_languages"} if study.twin_runs else set()
    return [*files, *(f"{table}.csv" for table in sorted(tables)), "browsed_predictions.parquet", PLAN, REPORT]


def _check_finished(study: Study, results: Path) -> None:
    if missing := next((name for name in needed_files(study) if not (results / name).exists()), None):
        raise CodeStiltsError(f"{results / missing}: missing: finish the study first: `make report STUDY={study.name}`")
    entries = read_entries(results / PLAN)
    if not entries or entries[-1].digest != short_digest(plan_of(study)):
        raise CodeStiltsError(
            f"{results / PLAN}: the study was run with other settings or tasks than those of its config now: run it "
            "again, or go back to them"
        )
