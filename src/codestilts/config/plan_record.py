"""The record of a study's registered plan, ``results/NAME/plan.json``: entries are only added, never changed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codestilts.errors import CodeStiltsError

PLAN = "plan.json"
Plan = dict[str, Any]  # flat: statistics.margin, arms.pos, tasks.pos


@dataclass(frozen=True)
class Entry:
    """One entry of the record.

    Attributes:
        kind: ``registration`` or ``deviation``.
        date: When it was recorded, in UTC.
        digest: The digest of the plan from then on.
        commit: The commit of the checkout.
        results: The number of prediction files that existed.
        reason: Why a plan is registered again.
        plan: Of a registration, the whole plan.
        changes: Of a deviation, key -> [before, after]; null if the key was or is missing.
    """

    kind: str
    date: str
    digest: str
    commit: str = "unknown"
    results: int = 0
    reason: str = ""
    plan: Plan = field(default_factory=dict)
    changes: dict[str, list[Any]] = field(default_factory=dict)


def read_entries(path: Path) -> list[Entry]:
    """Read a record; without a file there are no entries.

    Raises:
        CodeStiltsError: The file is not such a record.
    """
    if not path.exists():
        return []
    try:
        entries = [Entry(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))["entries"]]
        current(entries)  # which reads every plan and every change
        return entries
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CodeStiltsError(
            f"{path}: not the record of a registered plan ({error}): restore it, or move it away and register the plan "
            "again: scripts/register.py"
        ) from None


def current(entries: Sequence[Entry]) -> Plan:
    """Return the plan after all entries."""
    plan: Plan = {}
    for entry in entries:
        if entry.kind == "registration":
            plan = dict(entry.plan)
        for key, (_, after) in entry.changes.items():
            if after is None:
                plan.pop(key, None)
            else:
                plan[key] = after
    return plan


def changes(before: Plan, after: Plan) -> dict[str, list[Any]]:
    """Return the keys whose values differ, each with the value before and after."""
    keys = sorted(before.keys() | after.keys())
    return {key: [before.get(key), after.get(key)] for key in keys if before.get(key) != after.get(key)}
