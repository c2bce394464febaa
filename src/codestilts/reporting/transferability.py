"""How well intermediate tasks can be ranked beforehand."""

from dataclasses import dataclass

import pandas as pd

from codestilts.evaluation.task_rankings import RANDOM, judged, measured_scores, summary


@dataclass(frozen=True)
class RankingTables:
    """The rankings for each target (:func:`codestilts.evaluation.task_rankings.judged`), and their means."""

    choices: pd.DataFrame
    rankings: pd.DataFrame


def ranking_tables(transferability: pd.DataFrame, effects: pd.DataFrame, confidence: float) -> RankingTables:
    """Judge the rankings of an encoder's intermediate tasks by its effects."""
    choices = judged(measured_scores(transferability, effects))
    return RankingTables(choices, summary(choices, confidence))


def undecided_rankings(choices: pd.DataFrame) -> list[str]:
    """Return the rankings, but for the random one, for which all tasks are equal, for every target."""
    ranked = choices[choices["ranking"] != RANDOM]
    return [str(name) for name, part in ranked.groupby("ranking", sort=False) if not part["first"].any()]
