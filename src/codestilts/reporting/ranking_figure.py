"""A figure of how well intermediate tasks can be ranked beforehand."""

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

from codestilts.display_names import ranking_name
from codestilts.evaluation.task_rankings import MEASURES, RANDOM
from codestilts.reporting.figures import COLOURS
from codestilts.reporting.transferability import RankingTables

TITLES = {"regret_1": "Regret@1, %", "regret_3": "Regret@3, %", "ndcg": "NDCG"}


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
