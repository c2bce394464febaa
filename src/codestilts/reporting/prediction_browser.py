"""Predictions to browse in the report: some test examples of each target and language, with all arms' answers."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from codestilts.config.analysis_settings import SamplePredictionsSettings
from codestilts.display_names import visible
from codestilts.job_files import read_parquet
from codestilts.reporting.sample_predictions import COLUMNS, describe, draw, is_right

PER_CELL = 10  # examples of a target in a language, if they are not too many
EXCHANGED = 2  # of ten examples: chosen to show right and wrong answers
CANDIDATES = 300  # of a cell, in their drawn order, that these are chosen from
MOST_ANSWERS = 20_000  # of all arms: about 3 MB of the page


def browsed_predictions(
    examples: Iterable[Path], predictions: Iterable[Path], settings: SamplePredictionsSettings
) -> pd.DataFrame:
    """Draw test examples of each target in each language, and describe the answers of every arm.

    Most are drawn at random, the others to show right and wrong answers of as many arms as possible
    (:func:`show_both`). Mining targets are left out: their answers are pairs out of a whole collection.

    Args:
        examples: The examples of each target (``TARGET.parquet``).
        predictions: Files with the predictions of all arms, of which the first seed is taken.
        settings: The targets.

    Returns:
        One row per example and arm (:func:`codestilts.reporting.sample_predictions.describe`).
    """
    tables = {path.stem: read_parquet(path) for path in examples if settings.targets[path.stem].protocol != "mining"}
    cells = {
        (target, language)
        for target, table in tables.items()
        for language in table.loc[table["split"] == "test", "language"].unique()
    }
    paths = list(predictions)
    arms = {arm for path in paths for arm in read_parquet(path, columns=["arm"])["arm"].unique()}
    per_cell = examples_per_cell(len(cells), len(arms))
    candidates = {
        target: draw(table, target, sorted(language for name, language in cells if name == target), CANDIDATES)
        for target, table in tables.items()
    }
    right = _right(paths, candidates, settings)
    drawn = {target: show_both(rows, right[right["target"] == target], per_cell) for target, rows in candidates.items()}
    answers = pd.concat([pd.DataFrame({"target": []}), *_answers(paths, drawn)], ignore_index=True)
    described = [
        describe(tables[target], target, settings.targets[target], answers[answers["target"] == target], rows)
        for target, rows in drawn.items()
    ]
    return pd.concat([pd.DataFrame(columns=COLUMNS), *described], ignore_index=True)


def examples_per_cell(cells: int, arms: int) -> int:
    """Return how many examples of each cell are drawn, so that a page with the answers of all arms is not too large."""
    return max(1, min(PER_CELL, MOST_ANSWERS // max(1, cells * arms)))


def show_both(candidates: pd.DataFrame, right: pd.DataFrame, per_cell: int) -> pd.DataFrame:
    """Return some rows of each language: the first ones, and a few that show the answers which these do not show.

    Of an arm whose answers to the first rows are all wrong, a right one is lacking, and the other way round. Each of
    the last rows is the first of those that show lacking answers of most arms.

    Args:
        candidates: Test rows of a target in the order in which they were drawn.
        right: Whether the answer of each ``arm`` to each of them (``id``) is ``right``.
        per_cell: The number of rows of a language.
    """
    answered = right.pivot(index="id", columns="arm", values="right").astype(float).reindex(candidates["id"])
    kept: list[str] = []
    for _, ids in candidates.groupby("language", sort=False)["id"]:
        shown = list(ids[: per_cell - EXCHANGED * per_cell // PER_CELL])
        while len(shown) < min(per_cell, len(ids)):
            seen, others = answered.loc[shown], answered.loc[[name for name in ids if name not in shown]]
            new = ((others == 1) & ~(seen == 1).any()) | ((others == 0) & ~(seen == 0).any())
            shown.append(str(new.sum(axis=1).idxmax()))
        kept += shown
    return candidates.set_index("id", drop=False).loc[kept].reset_index(drop=True)


def _right(paths: Iterable[Path], drawn: dict[str, pd.DataFrame], settings: SamplePredictionsSettings) -> pd.DataFrame:
    """Return whether each answer to the drawn examples is right."""
    found = [pd.DataFrame({"target": [], "arm": [], "id": [], "right": []})]
    for part in _answers(paths, drawn):
        task_type = settings.targets[part["target"].iloc[0]].type
        right = [is_right(row, task_type) for row in part.to_dict("records")]
        found.append(part[["target", "arm", "id"]].assign(right=right))
    return pd.concat(found, ignore_index=True)


def _answers(paths: Iterable[Path], drawn: dict[str, pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Yield the predictions of the drawn examples: of the first seed, at the first checkpoint."""
    for path in paths:
        table = read_parquet(path)
        first = table[(table["seed"] == table["seed"].min()) & (table["split"] == "test")]
        for target, part in first.groupby("target", sort=True):
            if target in drawn:
                yield part[part["id"].isin(drawn[str(target)]["id"])].drop_duplicates(["arm", "id"])


def page_data(table: pd.DataFrame) -> dict[str, Any]:
    """Return the browsed predictions as the script of the page reads them.

    Returns:
        ``texts``, each once and with all characters visible; ``arms``; and ``cells``, which maps a target and a
        language to its examples. Each has the numbers of its ``texts`` (question, text, right answer) and, in the
        order of ``arms``, ``answers``: the number of the text, whether it is right, and a note on it; null if an arm
        has no answer.
    """
    texts: dict[str, int] = {}
    arms = list(dict.fromkeys(table["arm"]))
    cells: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for (target, language, _), part in table.groupby(["target", "language", "id"], sort=False):
        answers: list[tuple[int, bool, str] | None] = [None] * len(arms)
        for row in part.to_dict("records"):
            number = texts.setdefault(visible(row["prediction"]), len(texts))
            answers[arms.index(row["arm"])] = (number, bool(row["right"]), row["note"])
        first = part.iloc[0]
        numbers = [texts.setdefault(visible(first[name]), len(texts)) for name in ("question", "text", "gold")]
        examples = cells.setdefault(str(target), {}).setdefault(str(language), [])
        examples.append({"texts": numbers, "answers": answers})
    return {"texts": list(texts), "arms": arms, "cells": cells}
