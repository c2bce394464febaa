"""Tables of targets and languages: heat maps, whose cells are coloured and have details, and counts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import pandas as pd

from codestilts.display_names import contrast_name, counted, language_name
from codestilts.reporting.answer import Row, rows
from codestilts.reporting.tables import p_value, points, with_interval

Cell = TypeVar("Cell")


@dataclass(frozen=True)
class HeatCell:
    """A cell: its number, its colour from -100 to 100 (0 to 100 for scores), and what it is in one sentence."""

    text: str
    level: int
    detail: str


@dataclass(frozen=True)
class Grid(Generic[Cell]):
    """Targets, or whatever the rows are, and languages (columns); None where a cell has no examples."""

    columns: list[str]
    rows: list[tuple[str, list[Cell | None]]]


def language_order(similarities: pd.DataFrame, tested: Iterable[str]) -> list[str]:
    """Return tested languages by their similarity to the source language, then those without one by name.

    Args:
        similarities: The table of languages with their similarity, the most similar one first. It has the languages
            whose functions were extracted only: not those of targets that are made of tables, nor natural languages.
        tested: The languages to order.
    """
    ranked = {name: place for place, name in enumerate(similarities["language"])}
    return sorted(set(tested), key=lambda name: (ranked.get(name, len(ranked)), name))


def count_grid(counts: pd.DataFrame, order: Sequence[str]) -> Grid[Row]:
    """Return the rows of the table of counts, languages in this order."""
    return _grid({(row["target"], row["language"]): row for row in rows(counts)}, order)


def score_map(counts: pd.DataFrame, order: Sequence[str]) -> Grid[HeatCell]:
    """Return the scores without intermediate training, languages in this order; no rows without any score."""

    def cell(row: Row) -> HeatCell:
        place, examples = _place(row["target"], row["language"]), f"{row['examples']} test examples"
        if row["none"] == "":  # the encoder is not trained on the target without intermediate training
            return HeatCell("", 0, f"{place}: no score, {examples}")
        value = with_interval(row["none"], row["low"], row["high"], signed=False)
        detail = f"{place}: {value} points, {examples}"
        return HeatCell(f"{row['none']:.0f}", round(row["none"]), detail)

    scored = rows(counts) if counts["none"].notna().any() else []
    return _grid({(row["target"], row["language"]): cell(row) for row in scored}, order)


def contrast_map(contrasts: pd.DataFrame, order: Sequence[str]) -> Grid[HeatCell]:
    """Return the primary contrast in each cell; a star marks a difference that the corrected p supports."""
    table = contrasts[contrasts["role"] == "cell"]
    reach = max(table["difference"].abs().max(), 0.1) if len(table) else 0.1

    def cell(row: Row) -> HeatCell:
        value, low, high = row["difference"], row["low"], row["high"]
        sides = contrast_name(row["plus"], row["plus_kind"], row["minus"], row["minus_kind"])
        p = f", p = {p_value(row['p'])}" if row["p"] != "" else ""
        p += f" ({p_value(row['p_bh'])} corrected)" if row["p_bh"] != "" else ""
        detail = f"{_place(row['scope'], row['language_set'])}: {sides} {with_interval(value, low, high)} points{p}"
        star = "*" if row["judgement"] in ("better", "worse") else ""
        return HeatCell(points(value, True) + star, round(100 * value / reach), f"{detail}; by seed {row['by_seed']}")

    return _grid({(row["scope"], row["language_set"]): cell(row) for row in rows(table)}, order)


def mean_map(means: pd.DataFrame, targets: Mapping[str, int], *, signed: bool) -> Grid[HeatCell]:
    """Return means in points by source (index) and tested language (columns); ``signed``: they are differences.

    ``targets`` are the numbers of targets that a column's means are over.
    """
    reach = max(float(means.abs().max().max()), 0.1) if signed else 100.0
    cells = dict[tuple[str, str], HeatCell]()
    for row, values in means.iterrows():
        for language, value in values.dropna().items():
            text = points(value, True) if signed else f"{value:.0f}"
            detail = f"{row} to {language_name(str(language))}: {points(value, signed)} points, "
            detail += f"mean over {counted(targets[str(language)], 'target')}"
            cells[str(row), str(language)] = HeatCell(text, round(100 * value / reach), detail)
    return _grid(cells, [str(name) for name in means])


def _place(target: str, language: str) -> str:
    return f"{target} in {language_name(language)}"


def _grid(cells: dict[tuple[str, str], Cell], order: Sequence[str]) -> Grid[Cell]:
    found = {language for _, language in cells}
    columns = [language for language in order if language in found]
    targets = dict.fromkeys(target for target, _ in cells)
    return Grid(columns, [(target, [cells.get((target, name)) for name in columns]) for target in targets])
