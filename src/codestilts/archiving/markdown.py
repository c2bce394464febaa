"""Markdown of cards and of an archive's README: templates, tables, and the hub's metadata."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from huggingface_hub import CardData
from jinja2 import Environment, StrictUndefined

from codestilts.examples.parsing.natural_languages import identified_languages

# Those of the hub's keys (its documentation, "Licenses") that licences of sources have or may get.
HUB_LICENCES = frozenset(
    {
        *("apache-2.0", "bsd-2-clause", "bsd-3-clause", "bsl-1.0", "c-uda", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-4.0"),
        *("cc-by-nc-sa-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "gfdl", "gpl-2.0", "gpl-3.0", "isc"),
        *("lgpl-2.1", "lgpl-3.0", "mit", "mpl-2.0", "unlicense", "zlib"),
    }
)
CODE = "code"  # the hub's word for all programming languages
UNIDENTIFIED = {"burmese": "my", "javanese": "jv", "malayalam": "ml"}  # the tasks' languages that lingua lacks


def render(template: Path, values: dict[str, Any]) -> str:
    """Fill in a Markdown template."""
    engine = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    return engine.from_string(template.read_text(encoding="utf-8")).render(values)


def card(metadata: CardData, body: str) -> str:
    """Return a card of the hub: metadata as YAML, then the text."""
    return f"---\n{metadata.to_yaml()}\n---\n\n{body}"


def hub_licence(licences: Iterable[str]) -> tuple[str, str | None]:
    """Return the hub's key of a licence, or ``other`` with an SPDX expression: of all if there are several."""
    names = sorted({part for licence in licences for part in licence.split(" AND ")})
    key = re.sub("-only$|-or-later$|(?<=^gfdl)-[0-9.]+$", "", names[0].lower()) if len(names) == 1 else ""
    if key in HUB_LICENCES:
        return key, None
    return "other", " AND ".join(f"({name})" if " OR " in name else name for name in names) or "none"


def hub_language(language: str) -> str:
    """Return the hub's code of a language: that of ISO 639-1, or ``code`` for programming languages."""
    natural = identified_languages().get(language)
    return natural.iso_code_639_1.name.lower() if natural else UNIDENTIFIED.get(language, CODE)


def markdown_table(table: pd.DataFrame) -> str:
    """Return a table in Markdown; bars within texts are escaped."""
    rows = [list(map(_cell, table.columns)), ["---"] * len(table.columns)]
    rows += [list(map(_cell, row)) for row in table.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return " ".join(text.split()).replace("|", "\\|")
