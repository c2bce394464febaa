"""Two studies side by side: what differs in settings, versions and data, besides their tables."""

import json
from typing import Any

import pandas as pd

from codestilts.config.plan_record import changes
from codestilts.release.snapshot import Snapshot


def differences_text(first: Snapshot, second: Snapshot) -> str:
    """Return in words what differs between two studies in settings, versions and data."""
    lines = [f"A: {first.folder}", f"B: {second.folder}"]
    sections = {
        "settings": changes(first.plan, second.plan),
        "versions and processors": changes(_machines(first), _machines(second)),
        "data": changes(_data(first), _data(second)),
    }
    for name, found in sections.items():
        lines += ["", f"{name}: {'the same' if not found else ''}".rstrip()]
        lines += [f"  {key}: {_shown(before)} → {_shown(after)}" for key, (before, after) in found.items()]
    return "\n".join(lines)


def have_same_settings_and_data(first: Snapshot, second: Snapshot) -> bool:
    """Whether two studies are the same experiment, so that their values should agree up to rounding."""
    return not changes(first.plan, second.plan) and not changes(_data(first), _data(second))


def _machines(snapshot: Snapshot) -> dict[str, str]:
    """Return each property of the machines with all of its values."""
    found: dict[str, set[str]] = {}
    for machine in map(json.loads, snapshot.machines):
        for name, value in {**machine, **machine["versions"]}.items():
            if name != "versions":
                found.setdefault(name, set()).add(str(value))
    return {name: ", ".join(sorted(values)) for name, values in found.items()}


def _data(snapshot: Snapshot) -> dict[str, str]:
    """Return the number of rows of each task's examples, with their digest."""
    table = snapshot.tables.get("examples", pd.DataFrame(columns=["task", "rows", "digest"]))
    return {row["task"]: f"{row['rows']} rows ({row['digest'][:8]})" for row in table.to_dict("records")}


def _shown(value: Any) -> str:
    """Return a setting in one short line."""
    text = (
        "nothing" if value is None else json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
    )
    return text if len(text) <= 100 else f"{text[:97]}..."
