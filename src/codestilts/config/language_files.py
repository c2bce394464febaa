"""Check the tables of programming languages before anything runs: ``languages.yaml`` and ``invented.yaml``.

Both are read by light code that takes their entries as they are; people add entries to them (docs/extending.md).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from codestilts import invented
from codestilts.config.schema_errors import NO_VALUE, Problem, schema_errors
from codestilts.config.schema_fields import Name, Strict
from codestilts.errors import suggest
from codestilts.files import read_yaml
from codestilts.sources.table import Source

LANGUAGES = invented.TABLE.parent / "examples/parsing/languages.yaml"
GRAMMAR = r"\w+(\.\w+)+"


class InventedLanguage(Strict):
    """An entry of ``invented.yaml``."""

    of: Name
    words: Annotated[dict[str, str], Field(min_length=1)]
    marks: Annotated[dict[str, str], Field(min_length=1)]


class ProgrammingLanguage(Strict):
    """An entry of ``languages.yaml``; the class ``Language`` in ``examples/parsing/languages.py`` explains the keys."""

    like: str | None = None
    grammar: str | None = None
    docs: str | list[str] | None = None
    blanked: str | None = None
    suffixes: list[str] | None = None
    functions: list[str] | None = None
    alone: list[str] | None = None
    bodies: list[str] | None = None
    anonymous: list[str] | None = None
    wrappers: list[str] | None = None
    attached: list[str] | None = None
    test_scopes: list[str] | None = None
    blocks: list[str] | None = None
    comments: list[str] | None = None
    bare_strings: list[str] | None = None
    opaque: list[str] | None = None
    receivers: list[str] | None = None
    assigned: dict[str, str] | None = None
    atoms: dict[str, str] | None = None
    leaves: dict[str, str] | None = None
    regions: dict[str, str] | None = None
    slots: dict[str, str] | None = None
    heads: dict[str, str] | None = None


REQUIRED = ("suffixes", "grammar", "docs", "functions")


def table_errors(real: Path = LANGUAGES, made_up: Path = invented.TABLE) -> Iterator[str]:
    """Yield a message for each mistake in the tables, which begins with the file.

    Args:
        real: The table of programming languages.
        made_up: The table of invented languages.
    """
    entries = read_yaml(real)
    for problem in _language_problems(entries):
        yield f"{real.name}: {problem.key}: {problem.message}"
    for name, entry in read_yaml(made_up).items():
        problems = list(schema_errors(InventedLanguage, entry)) or list(_invented_problems(entry, entries))
        yield from (f"{made_up.name}: {Problem((name, *path), '').key}: {message}" for path, message in problems)


def source_errors(sources: dict[str, Source]) -> Iterator[str]:
    """Yield a message for each row of ``sources.csv`` that has a split in a language without an entry.

    Functions are extracted from rows with a split only, so that such a row would never be used.

    Args:
        sources: The rows by name.
    """
    known = read_yaml(LANGUAGES).keys() - {"common"}
    for name, source in sources.items():
        for language in sorted(source.split.keys() - known):
            message = f"no programming language is called '{language}', so it has no split"
            yield f"sources.csv: {name}: languages: {message}; {suggest(language, known)}"


def _language_problems(entries: dict[str, Any]) -> Iterator[Problem]:
    for name, entry in entries.items():
        if entry is None:
            yield Problem((name,), NO_VALUE)
            continue
        found = [Problem((name, *path), message) for path, message in schema_errors(ProgrammingLanguage, entry)]
        yield from found
        if found or name == "common":
            continue
        like = entry.get("like")
        if like is not None and (like == name or like not in entries):
            yield Problem((name, "like"), f"'{like}': no other language has that name; {suggest(like, entries)}")
        for key in REQUIRED:
            if key not in entry and like is None:
                yield Problem((name, key), "is missing: add this key")
        if not re.fullmatch(GRAMMAR, entry.get("grammar", "a.b")):
            yield Problem((name, "grammar"), f"must be module.function, not {entry['grammar']!r}")


def _invented_problems(entry: dict[str, Any], entries: dict[str, Any]) -> Iterator[Problem]:
    if entry["of"] not in entries:
        message = f"'{entry['of']}': no programming language has that name"
        yield Problem(("of",), f"{message}; {suggest(entry['of'], set(entries) - {'common'})}")
    for key in ("words", "marks"):
        old: dict[str, str] = {}
        for name, new in entry[key].items():
            if new in old:
                message = f"'{new}' is the new name of '{old[new]}' too, so it cannot be restored: choose another"
                yield Problem((key, name), message)
            old[new] = name
