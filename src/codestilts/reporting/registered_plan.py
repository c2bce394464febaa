"""The registered plan in the report: when it was registered, what changed since then, and which results are older."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from codestilts.config.plan_record import Entry, changes, current, prediction_digest
from codestilts.result_files import prediction_files

LONGEST = 160  # characters of a value that the page shows


@dataclass(frozen=True)
class Change:
    """A key of the plan that was changed after the registration, with its values as texts."""

    key: str
    before: str
    after: str


@dataclass(frozen=True)
class Period:
    """The time from one entry of the record to the next, and how many of the shown predictions were made in it."""

    date: str
    what: str
    digest: str
    results: int


@dataclass(frozen=True)
class PlanNotes:
    """The registered plan as the report shows it; ``mixed`` if its numbers use predictions of several periods.

    ``changes`` are those since ``entry``, the last registration before there were results. ``again`` are the later
    registrations: they state reasons, and hide no change.
    """

    entry: Entry | None
    again: list[Entry]
    changes: list[Change]
    periods: list[Period]
    mixed: bool


def plan_notes(entries: Sequence[Entry], results: Path, pairs: Sequence[tuple[str, str]]) -> PlanNotes:
    """Describe the record of a plan.

    Args:
        entries: The entries of ``plan.json``.
        results: The study's folder of results.
        pairs: The encoder-arm pairs whose predictions the report uses.
    """
    registered = [index for index, entry in enumerate(entries) if entry.kind == "registration"]
    if not registered:
        return PlanNotes(None, [], [], [], False)
    blind = [index for index in registered if not any(entry.results for entry in entries[: index + 1])]
    base = blind[-1] if blind else registered[0]
    changed = changes(current(entries[: base + 1]), current(entries))
    counts = _results_by_entry(entries, results, pairs)
    periods = [Period("", "before any registration", "", counts[0])] if counts[0] else []
    periods += [
        Period(entry.date, _what(entry), entry.digest, number)
        for entry, number in zip(entries, counts[1:], strict=True)
    ]
    return PlanNotes(
        entry=entries[base],
        again=[entries[index] for index in registered if index > base],
        changes=[Change(key, _text(before), _text(after)) for key, (before, after) in changed.items()],
        periods=periods,
        mixed=sum(period.results > 0 for period in periods) > 1,
    )


def _what(entry: Entry) -> str:
    if entry.kind == "registration":
        return f"registered: {entry.reason}" if entry.reason else "registered by the first run"
    return f"{len(entry.changes)} key{'s' if len(entry.changes) > 1 else ''} changed: {', '.join(entry.changes)}"


def _results_by_entry(entries: Sequence[Entry], results: Path, pairs: Sequence[tuple[str, str]]) -> list[int]:
    """Count prediction files by when they were made: before the first entry, then after each.

    Copying a file or touching it changes its date. So a file that an entry lists was there before that entry.
    """
    dates = [datetime.fromisoformat(entry.date).timestamp() for entry in entries]
    first = {digest: number for number, entry in reversed(list(enumerate(entries))) for digest in entry.predictions}
    counts = [0] * (len(entries) + 1)
    for encoder, arm in pairs:
        for file in prediction_files(results, encoder, arm):
            written = file.stat().st_mtime
            latest = first.get(prediction_digest(file), len(entries)) if first else len(entries)
            counts[min(latest, sum(date <= written for date in dates))] += 1
    return counts


def _text(value: Any) -> str:
    """Return a value of the plan as a text."""
    if value is None:
        return "missing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."
