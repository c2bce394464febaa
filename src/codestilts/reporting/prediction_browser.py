"""Predictions to browse in the report: some test examples of each target and language, with all arms' answers."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from codestilts.config.analysis_settings import SamplePredictionsSettings
from codestilts.reporting.sample_predictions import COLUMNS, describe, draw

PER_CELL = 10  # examples of a target in a language, if they are not too many
MOST_ANSWERS = 20_000  # of all arms: about 3 MB of the page


def browsed_predictions(
    examples: Iterable[Path], predictions: Iterable[Path], settings: SamplePredictionsSettings
) -> pd.DataFrame:
    """Draw test examples of each target in each language, and describe the answers of every arm.

    Mining targets are left out: their answers are pairs out of a whole collection.

    Args:
        examples: The examples of each target (``TARGET.parquet``).
        predictions: Files with the predictions of all arms, of which the first seed is taken.
        settings: The targets.

    Returns:
        One row per example and arm (:func:`codestilts.reporting.sample_predictions.describe`).
    """
    tables = {path.stem: pd.read_parquet(path) for path in examples if settings.targets[path.stem].protocol != "mining"}
    cells = {
        (target, language)
        for target, table in tables.items()
        for language in table.loc[table["split"] == "test", "language"].unique()
    }
    paths = list(predictions)
    arms = {arm for path in paths for arm in pd.read_parquet(path, columns=["arm"])["arm"].unique()}
    per_cell = examples_per_cell(len(cells), len(arms))
    drawn = {
        target: draw(table, target, sorted(language for name, language in cells if name == target), per_cell)
        for target, table in tables.items()
    }
    answers = pd.concat([pd.DataFrame({"target": []}), *_answers(paths, drawn)], ignore_index=True)
    described = [
        describe(tables[target], target, settings.targets[target].type, answers[answers["target"] == target], rows)
        for target, rows in drawn.items()
    ]
    return pd.concat([pd.DataFrame(columns=COLUMNS), *described], ignore_index=True)


def examples_per_cell(cells: int, arms: int) -> int:
    """Return how many examples of each cell are drawn, so that a page with the answers of all arms is not too large."""
    return max(1, min(PER_CELL, MOST_ANSWERS // max(1, cells * arms)))


def _answers(paths: Iterable[Path], drawn: dict[str, pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Yield the predictions of the drawn examples: of the first seed, at the first checkpoint."""
    for path in paths:
        table = pd.read_parquet(path)
        first = table[(table["seed"] == table["seed"].min()) & (table["split"] == "test")]
        for target, part in first.groupby("target", sort=True):
            if target in drawn:
                yield part[part["id"].isin(drawn[str(target)]["id"])].drop_duplicates(["arm", "id"])


def page_data(table: pd.DataFrame) -> dict[str, Any]:
    """Return the browsed predictions as the script of the page reads them.

    Returns:
        ``texts``, each once; ``arms``; and ``cells``, which maps a target and a language to its examples. Each has
        the numbers of its ``texts`` (question, text, right answer) and, in the order of ``arms``, ``answers``: the
        number of the text, whether it is right, and a note on a generated text; null if an arm has no answer.
    """
    texts: dict[str, int] = {}
    arms = list(dict.fromkeys(table["arm"]))
    cells: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for (target, language, _), part in table.groupby(["target", "language", "id"], sort=False):
        answers: list[tuple[int, bool, str] | None] = [None] * len(arms)
        for row in part.to_dict("records"):
            number = texts.setdefault(row["prediction"], len(texts))
            answers[arms.index(row["arm"])] = (number, bool(row["right"]), row["note"])
        first = part.iloc[0]
        numbers = [texts.setdefault(first[name], len(texts)) for name in ("question", "text", "gold")]
        examples = cells.setdefault(str(target), {}).setdefault(str(language), [])
        examples.append({"texts": numbers, "answers": answers})
    return {"texts": list(texts), "arms": arms, "cells": cells}
