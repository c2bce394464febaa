"""How many rows a set has as it was published, against the rows that are read."""

from collections.abc import Mapping
from typing import Any

from codestilts.errors import CodeStiltsError
from codestilts.examples.sampling import Settings

Record = dict[str, Any]


def record_counts(found: Mapping[str, int], entry: Record, settings: Settings) -> None:
    """Note how many rows of an entry of ``read`` there are in each language, before any is left out or drawn."""
    for language, number in found.items():
        settings.setdefault("counted", []).append((entry, language, int(number)))


def count_in_language(numbers: Any, language: str) -> int | None:
    """What ``rows`` or ``found`` of an entry says of a language: a number for each, or one by language."""
    number = numbers.get(language) if isinstance(numbers, dict) else numbers
    return None if number is None else int(number)


def compare_with_published(task: str, spec: Record, settings: Settings) -> list[str]:
    """One line for each number of rows that is not the published one.

    A task file says the published number (``rows``), and where the source has another one that number (``found``) and
    why (``incomparable``). Raises :class:`CodeStiltsError` for a number that is neither, in a study but a rehearsal.
    """
    lines = []
    for entry, language, number in settings.get("counted", []):
        published, declared = (
            count_in_language(entry.get("rows"), language),
            count_in_language(entry.get("found"), language),
        )
        if settings.get("rehearsal") or number in (published, None) or published is None:
            continue
        place = " ".join(str(entry[key]) for key in ("source", "config", "split") if entry.get(key))
        line = f"task {task}: {entry['as']} {language}: {number:,} rows read ({place}), {published:,} published"
        if number == declared:
            lines.append(f"{line}: not comparable: {spec['incomparable']}")
        elif settings.get("study"):
            expected = f", {declared:,} expected" if declared is not None else ""
            raise CodeStiltsError(
                f"{line}{expected}: fetch {entry['source']} again, or say in {task}.yaml what is there (found) and why "
                "(incomparable)"
            )
        else:
            lines.append(f"{line}: not comparable")
    return list(dict.fromkeys(lines))
