"""The task files that tasks/README.md shows are valid, and it names every key."""

import importlib
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from codestilts.config.schema_errors import schema_errors
from codestilts.config.schema_fields import TaskType
from codestilts.config.schema_task import TaskFile

README = (Path(__file__).parents[2] / "tasks/README.md").read_text()
BLOCKS = [list(yaml.safe_load_all(block)) for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]


def test_one_of_each_type() -> None:
    assert sorted(spec["type"] for spec in BLOCKS[0]) == sorted(get_args(TaskType))


@pytest.mark.parametrize("spec", [spec for block in BLOCKS for spec in block], ids=lambda spec: spec["type"])
def test_shown_task_is_valid(spec: dict[str, str]) -> None:
    assert schema_errors(TaskFile, spec) == []
    module, _, function = spec["builder"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_every_key_is_explained() -> None:
    explained = {key for row in re.findall(r"^\| (`.*?`) \|", README, re.MULTILINE) for key in re.findall(r"\w+", row)}
    assert explained == set(TaskFile.model_fields)
