"""The matrix of source and target languages, as the report shows it."""

from dataclasses import dataclass

import pandas as pd

from codestilts.columns import NONE
from codestilts.display_names import language_name
from codestilts.evaluation.source_languages import best_sources, expectations, with_none
from codestilts.reporting.answer import Row, rows
from codestilts.reporting.heat_maps import Grid, HeatCell, mean_map


@dataclass(frozen=True)
class SourceTables:
    """What the report shows of an encoder's source languages.

    Attributes:
        scores: Source languages (rows) by tested languages without intermediate training, means in points over the
            targets of the language that :func:`shared` keeps.
        effects: The same for the effect of every arm; rows are arms in a source language.
        targets: The number of these targets by tested language.
        best: The best source language of each cell (:func:`codestilts.evaluation.source_languages.best_sources`).
        expectations: How well it is told by what was expected.
    """

    scores: pd.DataFrame
    effects: pd.DataFrame
    targets: dict[str, int]
    best: pd.DataFrame
    expectations: pd.DataFrame


@dataclass(frozen=True)
class SourceSection:
    """The tables of :class:`SourceTables` as the page shows them."""

    scores: Grid[HeatCell]
    effects: Grid[HeatCell]
    best: list[Row]
    expectations: list[Row]


def source_section(table: pd.DataFrame, order: list[str]) -> SourceSection:
    """Return what the page shows of the source languages of one encoder; see :func:`source_tables`."""
    found = source_tables(table, order)
    scores = mean_map(found.scores, found.targets, signed=False)
    effects = mean_map(found.effects, found.targets, signed=True)
    return SourceSection(scores, effects, rows(found.best), rows(found.expectations))


def source_tables(table: pd.DataFrame, order: list[str]) -> SourceTables:
    """Make all tables from the rows of ``source_languages.csv`` of one encoder; ``order`` is that of languages."""
    both, best = with_none(table), best_sources(table)
    compared = shared(both)
    is_none = compared["arm"] == NONE
    scores = _means(compared[is_none], "score", ["source"], order)
    changes = _means(compared[~is_none], "effect", ["arm", "source"], order)
    scores.index = pd.Index([language_name(source) for source in scores.index], name="source")
    names = [f"{arm}, {language_name(source)}" for arm, source in changes.index]
    changes.index = pd.Index(names, name="arm, source")
    numbers = compared.groupby("language")["target"].nunique()
    targets = {str(language): int(number) for language, number in numbers.items()}
    return SourceTables(scores, changes, targets, best, expectations(table, best))


def shared(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of targets that all arms and source languages of a tested language have.

    Means over them compare alike: without this a source language gains from an easy target that the others lack.
    """
    cells = table.drop_duplicates(["language", "arm", "source"]).groupby("language").size()
    return table[table.groupby(["language", "target"])["target"].transform("size") == table["language"].map(cells)]


def _means(table: pd.DataFrame, value: str, rows: list[str], order: list[str]) -> pd.DataFrame:
    ordered = table.assign(place=table["source"].map(order.index)).sort_values(["arm", "place"], kind="stable")
    wide = ordered.pivot_table(value, rows, "language", "mean", sort=False)
    return wide[[name for name in order if name in wide]].rename_axis(columns=None)
