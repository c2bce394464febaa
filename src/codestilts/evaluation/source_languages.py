"""The matrix of source and target languages: scores and effects of targets that are trained in several languages.

Which source language is best for a language is compared with what is expected: the most similar one, or the one with
most training examples (after Baltaji et al., arXiv 2310.16937, who predict it for dozens of programming languages).
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd

from codestilts.columns import NONE
from codestilts.config.analysis_settings import SourceLanguageSettings
from codestilts.evaluation.comparison import compare_encoder
from codestilts.evaluation.scoring import compared_runs, encoders_in
from codestilts.evaluation.statistics.design import Design, design_of
from codestilts.evaluation.statistics.effects import effects
from codestilts.evaluation.statistics.resampling import Scores

COLUMNS = ["encoder", "arm", "family", "target", "source", "language", "zero_shot", "none", "effect", "low", "high",
           "similarity", "examples"]  # fmt: skip
DIGITS = 9  # of a score in points: smaller differences are rounding errors, and the scores are equal
EXPECTED = ["similarity", "examples"]  # what the best source language is expected to have most of


def source_language_table(
    values: pd.DataFrame,
    sums: Sequence[str],
    languages: pd.DataFrame,
    similarities: pd.DataFrame,
    examples: Mapping[str, int],
    settings: SourceLanguageSettings,
) -> pd.DataFrame:
    """Return one row for each encoder, arm, target, source language and tested language.

    Args:
        values: The values of all arms on the targets and their twins.
        sums: Their tables of sums (parquet).
        languages: The similarity table.
        similarities: The similarity of each two languages, a square table.
        examples: The number of training examples of each target and twin.
        settings: The settings.

    Returns:
        ``none``, the score without intermediate training, in points; ``effect``, what the arm adds, with its interval
        (``low``, ``high``); and of the source language its ``similarity`` to the tested one and its ``examples``.
    """
    comparison = settings.comparison
    parts = []
    for encoder in encoders_in(values):
        design = design_of(comparison, languages, encoder)
        runs = compared_runs(values, encoder, comparison)
        found = compare_encoder(encoder, runs, list(sums), design, {"effects": by_language})["effects"]
        parts.append(found)
    table = pd.concat(parts, ignore_index=True).rename(columns={"scope": "trained", "language_set": "language"})
    table["source"] = table["trained"].map(
        {name: target.source_language for name, target in comparison.targets.items()}
    )
    table["target"], table["examples"] = table["trained"].map(settings.bases), table["trained"].map(examples)
    table["zero_shot"] = table["source"] != table["language"]
    known: dict[Any, float] = similarities.stack().to_dict()
    pairs = zip(table["source"], table["language"], strict=True)
    table["similarity"] = [known.get(pair, float("nan")) for pair in pairs]
    return table[COLUMNS].sort_values(COLUMNS[:6], ignore_index=True)


def by_language(scores: Scores, design: Design) -> pd.DataFrame:
    """Return the effects of arms on each target in each language, without means over several of them."""
    table = effects(scores, Design(design.settings, {}))  # no sets of languages
    return table[(table["kind"] == "arm") & (table["scope_kind"] == "target")]


def best_sources(table: pd.DataFrame) -> pd.DataFrame:
    """Return which source language is best for each target and zero-shot language, and which one was expected to be.

    Args:
        table: The table of :func:`source_language_table` of one encoder.

    Returns:
        For each arm (``none`` first), target and language that has several zero-shot source languages: ``best``, the
        source with the highest score; ``lead`` over the next one in points; and for each of :data:`EXPECTED` the source
        that has most of it. A source is empty if several have the most, or if one has an unknown number.
    """
    scores = with_none(table[table["zero_shot"]])
    rows = []
    for (arm, target, language), cell in scores.groupby(["arm", "target", "language"], sort=False):
        if len(cell) < 2:
            continue
        first, second = cell["score"].nlargest(2)
        row = {"arm": arm, "target": target, "language": language, "best": _only_largest(cell, "score")}
        rows.append(row | {"lead": first - second} | {name: _only_largest(cell, name) for name in EXPECTED})
    return pd.DataFrame(rows, columns=["arm", "target", "language", "best", "lead", *EXPECTED])


def with_none(table: pd.DataFrame) -> pd.DataFrame:
    """Add the rows of the arm ``none``, first, and the ``score`` of every row in points."""
    cell = ["target", "source", "language"]
    none = table.drop_duplicates(cell).assign(arm=NONE, family="baseline", effect=0.0)
    both = pd.concat([none, table[table["arm"] != NONE]], ignore_index=True)
    return both.assign(score=(both["none"] + both["effect"]).round(DIGITS))


def _only_largest(cell: pd.DataFrame, column: str) -> str:
    largest = cell.loc[cell[column] == cell[column].max(), "source"]
    return str(largest.iloc[0]) if len(largest) == 1 and cell[column].notna().all() else ""


def expectations(table: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """Return how well each of :data:`EXPECTED` tells the best source language, by arm.

    Returns:
        ``cells``, the number of targets and languages with an expectation and a best source; ``right``, the percentage
        in which the expected source is the best; ``chance``, the same for a source drawn at random in each of these
        cells; and ``correlation``, that of Spearman between score and expectation, both relative to their means over
        the sources of a cell, in all cells with several sources that all have a known expectation.
    """
    from scipy.stats import spearmanr

    scores = with_none(table[table["zero_shot"]])
    cell = ["arm", "target", "language"]
    sources = scores.groupby(cell)["source"].transform("count")
    several = scores[sources > 1]
    counts = several.groupby(cell)["source"].count().rename("sources")
    rows = []
    for arm, name in product(dict.fromkeys(best["arm"]), EXPECTED):
        part = several[several["arm"] == arm]
        part = part[part.groupby(cell)[name].transform("count") == part.groupby(cell)[name].transform("size")]
        told = best[(best["arm"] == arm) & (best[name] != "") & (best["best"] != "")]
        relative = part[["score", name]] - part.groupby(cell)[["score", name]].transform("mean")
        varied = relative.dropna()
        known = len(varied) > 2 and (varied.nunique() > 1).all()
        row = {"arm": arm, "expected": name, "cells": len(told), "right": 100 * (told["best"] == told[name]).mean()}
        row["chance"] = 100 * (1 / told.set_index(cell).join(counts)["sources"]).mean()
        rows.append(row | {"correlation": spearmanr(varied["score"], varied[name])[0] if known else float("nan")})
    return pd.DataFrame(rows, columns=["arm", "expected", "cells", "right", "chance", "correlation"])
