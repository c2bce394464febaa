"""Loading of a study: config files are merged and validated before anything runs, and all errors reported at once."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from codestilts.columns import Record
from codestilts.config.claims_file import CLAIMS, claim_problems, read_claims, unknown_names
from codestilts.config.consistency import config_errors
from codestilts.config.language_files import source_errors, table_errors
from codestilts.config.lineage import read_lineage, unknown_sets
from codestilts.config.named import Named
from codestilts.config.schema import Config
from codestilts.config.schema_claims import Claim
from codestilts.config.schema_errors import KeyPath, schema_errors
from codestilts.config.schema_task import TaskSpec
from codestilts.config.source_languages import in_other_sources
from codestilts.config.study import Study
from codestilts.config.task_checks import task_errors
from codestilts.config.task_files import load_tasks
from codestilts.errors import CodeStiltsError
from codestilts.files import read_yaml
from codestilts.sources.table import read_sources


def load_study(
    config: Record,
    root: str | Path = ".",
    files: Iterable[str | Path] = (),
    command_line: Record | None = None,
) -> Study:
    """Validate a config with the task files, ``sources.csv`` and ``claims.yaml`` of a project.

    Args:
        config: The merged config.
        root: The project's folder.
        files: The YAML files that ``config`` was merged from, in the order of merging. Errors name them.
        command_line: What ``--config`` set after the files.

    Raises:
        CodeStiltsError: Something is wrong, with one line for each error.
    """
    root = Path(root)
    sources = read_sources(root / "sources.csv")
    task_values, claims = load_tasks(root / "tasks"), read_claims(root)
    layers = [(os.path.relpath(file), read_yaml(file)) for file in files]
    errors = list(_misnamed(layers, root))
    layers += [("--config", command_line)] if command_line else []
    errors += list(table_errors()) or [*source_errors(sources), *task_errors(task_values, sources, root)]
    errors += [f"{CLAIMS}: {problem.key}: {problem.message}" for problem in claim_problems(claims)]
    problems = schema_errors(Config, config)
    if not problems and not errors:
        tasks = {name: TaskSpec.model_validate(values) for name, values in task_values.items()}
        of_claims = {name: Claim.model_validate(values) for name, values in claims.items()}
        lineage = read_lineage(root / "tasks/lineage.yaml")
        errors += [f"tasks/lineage.yaml: {text}" for text in unknown_sets(lineage, tasks.values(), sources)]
        validated = Config.model_validate(config)
        every_task = Named("task", tasks | in_other_sources(validated, tasks))
        study = Study(validated, every_task, sources, lineage, Named("claim", of_claims))
        problems = list(config_errors(study))
        errors += [f"{CLAIMS}: {problem.key}: {problem.message}" for problem in unknown_names(study, root)]
    errors += [f"{_origin(problem.path, layers)}: {problem.key}: {problem.message}" for problem in problems]
    if errors:
        raise CodeStiltsError("\nerror: ".join(" ".join(error.splitlines()) for error in dict.fromkeys(errors)))
    return study


def read_study(files: Sequence[Path]) -> Study:
    """Read and validate the study of some config files, of the project in the working directory.

    Raises:
        CodeStiltsError: Something is wrong, with one line for each error.
    """
    return load_study(read_configs(files), ".", files)


def _misnamed(layers: list[tuple[str, Record]], root: Path) -> Iterator[str]:
    """An overlay of ``studies/`` whose study has another name, so that it would write over the results of that one."""
    study, own = None, list[str]()
    for file, values in layers:
        study = values.get("study", study)
        if Path(file).resolve().parent == (root / "studies").resolve():
            own.append(Path(file).stem)
            if study not in own:
                message = f"must be {own[-1]}, the file's name, not {study!r}: the study names the folder of results"
                yield f"{file}: study: {message}"


def read_configs(files: Iterable[str | Path]) -> Record:
    """Merge config files as Snakemake does: mappings key by key, other values by the later file."""
    merged: Record = {}
    for file in files:
        _merge(merged, read_yaml(file))
    return merged


def _merge(into: Record, other: Record) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _origin(path: KeyPath, layers: list[tuple[str, Any]]) -> str:
    """The last file that sets the value at ``path``, or the closest key above it."""
    for depth in range(len(path), 0, -1):
        for name, values in reversed(layers):
            if _has(values, path[:depth]):
                return name
    return layers[0][0] if layers else "config"


def _has(values: Any, path: KeyPath) -> bool:
    """Whether nested values have something at a path."""
    for step in path:
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True
