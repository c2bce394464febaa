"""The fields that each builder of rows needs: those that the project's own task files give it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from codestilts.config.field_specs import BUILDERS, OF_LABELS, OF_TYPE, ROWS, field_problems
from codestilts.config.schema_task import TaskSpec

TASKS = Path(__file__).parents[2] / "tasks"
# Fields that any row may lack, or that a builder reads only where they are: the second text of a pair, a name that is
# hidden. An `unit` and a `cluster` have defaults.
OPTIONAL = {"id", "unit", "cluster", "package", "text_b", "name"}
SPECS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(TASKS.glob("*/*.yaml"))}
PER_SPLIT = "bugs:bug_detection"  # its test rows have other fields than its train rows
MAPPED = [
    name
    for name, spec in SPECS.items()
    if spec["builder"] != ROWS
    and not spec["builder"].endswith(PER_SPLIT)
    and (spec.get("fields") or any("fields" in entry for entry in spec.get("read", [])))
]


def problems(spec: dict[str, Any]) -> dict[str, str]:
    task = TaskSpec.model_validate(spec | {"name": "own", "suite": "own", "file": "tasks/own/own.yaml"})
    return {problem.key: problem.message for problem in field_problems(task)}


def without(spec: dict[str, Any], field: str) -> dict[str, Any]:
    def kept(fields: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in fields.items() if name != field}

    read = [entry | {"fields": kept(entry.get("fields", {}))} for entry in spec["read"]]
    return spec | {"fields": kept(spec.get("fields", {})), "read": read}


@pytest.mark.parametrize("name", MAPPED)
def test_a_field_that_is_missing_is_named(name: str) -> None:
    spec = SPECS[name]
    assert problems(spec) == {}
    given = set(spec.get("fields", {})).union(*(entry.get("fields", {}) for entry in spec["read"]))
    for field in sorted(given - OPTIONAL):
        builder = spec["builder"].removeprefix(BUILDERS)
        message = problems(without(spec, field))[f"fields.{field}"]
        assert message.startswith(f"is missing: the builder {builder}") and "map a column to it" in message
    assert set(problems(spec | {"read": []})) >= {"read"}


def test_what_follows_from_the_task_is_needed_too() -> None:
    """A pair of texts where the type has one, a label's own side, and the problem that clusters programs."""
    assert "fields.text_b" in problems(without(SPECS["mnli"], "text_b"))
    assert "fields.before" in problems(SPECS["refinement"] | {"labels": ["before", "fixed"]})
    assert "fields.cluster" in problems(without(SPECS["poj104"], "cluster"))
    assert "fields.text_b" not in problems(without(SPECS["bigclonebench"], "text_b"))
    assert {*OF_LABELS, *OF_TYPE} <= {SPECS[name]["builder"].removeprefix(BUILDERS) for name in MAPPED}


def test_a_field_of_one_entry_is_not_one_of_the_others() -> None:
    """Each file that is read needs all fields, from the task or from its own entry."""
    spec = SPECS["xlsum"]
    first, *others = spec["read"]
    own = {"fields": {"reference": spec["fields"]["reference"]}}
    partly = without(spec, "reference") | {"read": [first | own, *others]}
    assert "fields.reference" in problems(partly)
    assert problems(partly | {"read": [entry | own for entry in spec["read"]]}) == {}
