"""The claims as the report shows them: one row per claim and encoder, with links to its figure and its data."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

import pandas as pd

from codestilts.config.scopes import effect_figure
from codestilts.display_names import item_name
from codestilts.evaluation.claims import NOT_RUN, NOT_SUPPORTED, SUPPORTED
from codestilts.reporting.answer import Row, rows

MARKS = {SUPPORTED: "good", NOT_SUPPORTED: "bad"}  # CSS classes of the page


@dataclass(frozen=True)
class ClaimRows:
    """The claims that the study judges, and those that it cannot."""

    judged: list[Row]
    not_run: list[Row]

    @property
    def intervals(self) -> int:
        """How many intervals the verdicts follow; they are not corrected for this number."""
        return sum(len(row["items"]) for row in self.judged)


def claim_rows(table: pd.DataFrame, figures: Mapping[str, Set[str]], several: bool) -> ClaimRows:
    """Group the table of claims (``claims.csv``).

    Args:
        table: One row per claim, encoder and item.
        figures: The figures of each encoder.
        several: Whether the study has several encoders; anchors then contain the encoder.
    """
    found: dict[tuple[str, str], Row] = {}
    for row in rows(table):
        key = row["claim"], row["encoder"]
        shown = found.setdefault(key, {**row, "items": []})
        if row["value"] != "":
            shown["items"].append({**row, "item": item_name(row["item"], row["each"])})
    for (claim, encoder), row in found.items():
        run = row["verdict"] != NOT_RUN
        row["anchor"] = f"claim-{claim}-{encoder}" if several and encoder else f"claim-{claim}"
        row["mark"] = MARKS.get(row["verdict"], "")
        row["data"] = f"claims/{claim}.json" if run else ""
        row["figure"] = _figure(row, figures.get(encoder, frozenset())) if run and row["items"] else ""
    every = list(found.values())
    return ClaimRows(
        [row for row in every if row["verdict"] != NOT_RUN], [row for row in every if row["verdict"] == NOT_RUN]
    )


def _figure(row: Row, figures: Set[str]) -> str:
    """Return the anchor of the figure that shows the arms or languages of a claim; empty if the page lacks it."""
    name = "difference" if row["each"] == "language" else effect_figure(row["scope"])
    return f"figure-{row['encoder']}-{name}" if name in figures else ""
