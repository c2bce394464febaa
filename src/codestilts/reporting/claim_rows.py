"""The claims as the report shows them: one row a claim and encoder, with links to its figure and its data."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

import pandas as pd

from codestilts.reporting.answer import Row, rows

MARKS = {"supported": "good", "not supported": "bad"}  # classes of the page


@dataclass(frozen=True)
class ClaimRows:
    """The claims that the study judges, and those that it cannot."""

    judged: list[Row]
    not_run: list[Row]


def claim_rows(table: pd.DataFrame, figures: Mapping[str, Set[str]], several: bool) -> ClaimRows:
    """Group the table of claims (``claims.csv``).

    Args:
        table: One row a claim, encoder and item.
        figures: The figures of each encoder.
        several: Whether the study has several encoders, so that an anchor names one.
    """
    found: dict[tuple[str, str], Row] = {}
    for row in rows(table):
        key = row["claim"], row["encoder"]
        shown = found.setdefault(key, {**row, "items": []})
        if row["value"] != "":
            shown["items"].append(row)
    for (claim, encoder), row in found.items():
        run = row["verdict"] != "not run"
        row["anchor"] = f"claim-{claim}-{encoder}" if several and encoder else f"claim-{claim}"
        row["mark"] = MARKS.get(row["verdict"], "")
        row["data"] = f"claims/{claim}.json" if run else ""
        row["figure"] = _figure(row, figures.get(encoder, frozenset())) if run and row["items"] else ""
    every = list(found.values())
    return ClaimRows(
        [row for row in every if row["verdict"] != "not run"], [row for row in every if row["verdict"] == "not run"]
    )


def _figure(row: Row, figures: Set[str]) -> str:
    """Return the anchor of the figure that shows the arms or languages of a claim, empty if the page has none."""
    name = "difference" if "language" in str(row["wanted"]) else f"effects-{row['scope'].replace(' ', '-')}"
    return f"figure-{row['encoder']}-{name}" if name in figures else ""
