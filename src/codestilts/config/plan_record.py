"""The record of a study's registered plan, ``results/NAME/plan.json``: entries are only added, never changed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codestilts.config.settings_json import short_digest
from codestilts.errors import CodeStiltsError
from codestilts.provenance import file_digest

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
        predictions: The digests of these files, 12 digits each: a copy of a file has another date, but no other digest.
        reason: Why a plan is registered again.
        plan: Of a registration, the whole plan.
        changes: Of a deviation, key -> [before, after]; null if the key was or is missing.
    """

    kind: str
    date: str
    digest: str
    commit: str = "unknown"
    results: int = 0
    predictions: list[str] = field(default_factory=list)
    reason: str = ""
    plan: Plan = field(default_factory=dict)
    changes: dict[str, list[Any]] = field(default_factory=dict)


def read_entries(path: Path) -> list[Entry]:
    """Read a record; without a file there are no entries.

    Raises:
        CodeStiltsError: The file is not such a record, or a plan in it is not the one that was recorded.
    """
    if not path.exists():
        return []
    try:
        entries = [Entry(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))["entries"]]
        changed = _changed_by_hand(entries)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CodeStiltsError(
            f"{path}: not the record of a registered plan ({error}): restore it, or move it away and register the plan "
            "again: scripts/register.py"
        ) from None
    if changed:
        raise CodeStiltsError(
            f"{path}: the plan of {changed.date} does not have the digest {changed.digest} that is recorded with it: "
            "the file was changed by hand; restore it"
        )
    return entries


def _changed_by_hand(entries: Sequence[Entry]) -> Entry | None:
    """The first entry whose digest is not that of its plan.

    Once a key was removed, or lost its value, the plan cannot be told from the entries: both are null.
    """
    removed = False
    for number, entry in enumerate(entries):
        removed = entry.kind != "registration" and (
            removed or any(after is None for _, after in entry.changes.values())
        )
        if not removed and short_digest(current(entries[: number + 1])) != entry.digest:
            return entry
    return None


def prediction_digest(file: Path) -> str:
    """Return what identifies the content of a file of predictions: 12 hexadecimal digits."""
    return file_digest(file)[:12]


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
