"""Compare the numbers of rows that are read with the numbers that were published."""

from collections.abc import Mapping
from typing import Any

from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Entry, RowCount


def record_counts(counts: Mapping[str, int], entry: Entry, settings: BuilderSettings) -> None:
    """Record how many rows an entry of ``read`` has in each language, before any is dropped or sampled."""
    settings.log.counts += [RowCount(entry, language, int(rows)) for language, rows in counts.items()]


def count_in_language(counts: Any, language: str) -> int | None:
    """Return the number of a language in ``rows`` or ``found`` of an entry: one for each, or one by language."""
    count = counts.get(language) if isinstance(counts, dict) else counts
    return None if count is None else int(count)


def compare_with_published(counts: list[RowCount], task: str, incomparable: str, strict: bool) -> list[str]:
    """Describe every number of rows that differs from the published one.

    A task file gives the published number of an entry (``rows``). Where the source has another, the file gives that
    number (``found``) and the reason (``incomparable``).

    Args:
        counts: The rows that were read.
        task: The task's name.
        incomparable: Why the task's numbers are not comparable with published ones.
        strict: Whether a number that the task file does not give is an error: so in a study.

    Returns:
        One line for each difference.

    Raises:
        CodeStiltsError: ``strict``, and a number is neither the published one nor the one that the file gives.
    """
    lines = []
    for entry, language, rows in counts:
        published = count_in_language(entry.get("rows"), language)
        found = count_in_language(entry.get("found"), language)
        if published in (None, rows):
            continue
        table = " ".join(str(entry[key]) for key in ("source", "config", "split") if entry.get(key))
        line = f"task {task}: {entry['as']} {language}: {rows:,} rows read ({table}), {published:,} published"
        if rows == found:
            lines.append(f"{line}: not comparable: {incomparable}")
        elif strict:
            expected = f", {found:,} expected" if found is not None else ""
            raise CodeStiltsError(
                f"{line}{expected}: fetch {entry['source']} again, or give the number (found) and the reason "
                f"(incomparable) in {task}.yaml"
            )
        else:
            lines.append(f"{line}: not comparable")
    return list(dict.fromkeys(lines))
