"""How well intermediate tasks can be ranked beforehand: tables and figure."""

from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from codestilts.display_names import ranking_name
from codestilts.evaluation.task_rankings import MEASURES, RANDOM, judged, measured_scores, summary
from codestilts.reporting.figures import COLOURS

TITLES = {"regret_1": "Regret@1, %", "regret_3": "Regret@3, %", "ndcg": "NDCG"}


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


def ranking_figure(tables: RankingTables) -> Figure:
    """Draw one panel for each measure: a dot for each target, and a larger one for their mean.

    The line is the mean of a random order.
    """
    names = tables.rankings["ranking"].tolist()
    figure, panels = plt.subplots(1, len(MEASURES), figsize=(8.6, 0.36 * len(names) + 1.1), sharey=True)
    heights = {name: -number for number, name in enumerate(names)}
    by_random = tables.rankings[tables.rankings["ranking"] == RANDOM]
    for axes, measure in zip(panels, MEASURES, strict=True):
        for level in by_random[measure]:
            axes.axvline(level, color="#555555", linewidth=1)
        axes.plot(
            tables.choices[measure], tables.choices["ranking"].map(heights), "o", color=COLOURS["docs"], alpha=0.7
        )
        axes.plot(tables.rankings[measure], list(heights.values()), "D", color=COLOURS["english"], markersize=8)
        axes.set(title=TITLES[measure], ylim=(-len(names) + 0.4, 0.6))
        axes.set_yticks(list(heights.values()), [ranking_name(name) for name in names])
        axes.grid(axis="y", visible=False)
        sns.despine(ax=axes, left=True)
    return figure
