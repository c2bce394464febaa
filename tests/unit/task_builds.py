"""Build the examples of tasks, with the study's settings and the builder's options as keyword arguments."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from codestilts.config.preparation_settings import BuildSettings
from codestilts.config.schema_task import Build, TaskFile
from codestilts.examples.build import build_task
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.files import read_yaml

STUDY_SETTINGS = {field.name for field in fields(BuildSettings)}


def inputs_of(files: Mapping[str, Path]) -> Inputs:
    """The inputs of a builder; the key ``clusters`` is that of the near-duplicate clusters."""
    return Inputs({name: path for name, path in files.items() if name != "clusters"}, files.get("clusters"))


def task_with_options(file: Path, options: Mapping[str, Any]) -> TaskFile:
    """A task file with other values of some keys under ``build``."""
    content = read_yaml(file)
    return TaskFile.model_validate(content | {"build": content.get("build", {}) | options})


def build(file: Path, files: Mapping[str, Path], **settings: Any) -> tuple[pd.DataFrame, list[str]]:
    """The validated examples of a task, and the notes for the log."""
    study = {name: settings.pop(name) for name in STUDY_SETTINGS & settings.keys()}
    spec = task_with_options(file, settings)
    return build_task(spec, inputs_of(files), BuildSettings(**{"task": file.stem} | study))


def make_settings(**settings: Any) -> BuilderSettings:
    """The settings of a builder that is called directly."""
    known = {field.name for field in fields(BuilderSettings)}
    options = {name: settings.pop(name) for name in settings.keys() - known}
    return BuilderSettings(**{"languages": []} | settings, options=Build(**options))
