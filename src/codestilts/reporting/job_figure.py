"""The figure of a study's jobs: the time of each stage and, on Slurm, what the jobs used of their requests."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from codestilts.reporting.figures import COLOURS

SHARES = {"cpu_used": "CPU time", "memory_used": "memory", "time_used": "run time"}


def job_figure(stages: pd.DataFrame, slurm: pd.DataFrame) -> Figure:
    """Draw bars of the minutes of each stage; with Slurm jobs, a second panel with the used shares of their requests.

    Args:
        stages: The times of stages (:func:`codestilts.workflow.benchmarks.stage_times`).
        slurm: The use of requests by rule (``efficiency.csv``); without rows if no job ran on Slurm.
    """
    heights = [0.24 * len(stages) + 0.7, *([0.5 * len(slurm) + 0.9] if len(slurm) else [])]
    figure, grid = plt.subplots(len(heights), 1, figsize=(7.2, sum(heights)), height_ratios=heights, squeeze=False)
    axes = grid[0][0]
    axes.barh(stages["stage"], stages["seconds"] / 60, color=COLOURS["english"])
    axes.invert_yaxis()
    _finish(axes, "minutes, all jobs")
    if len(slurm):
        _draw_shares(grid[1][0], slurm)
    return figure


def _draw_shares(axes: Axes, slurm: pd.DataFrame) -> None:
    shares = slurm.melt("rule", list(SHARES), "of", "share").assign(share=lambda rows: 100 * rows["share"])
    colours = [COLOURS["english"], COLOURS["trivial"], COLOURS["variant"]]
    sns.barplot(shares.replace({"of": SHARES}), x="share", y="rule", hue="of", palette=colours, saturation=1, ax=axes)
    axes.axvline(100, color="#555555", linewidth=1)
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1), ncols=3, frameon=False, fontsize="small")
    _finish(axes, "% of the request")


def _finish(axes: Axes, label: str) -> None:
    axes.set(xlabel=label, ylabel="")
    axes.grid(axis="y", visible=False)
    sns.despine(ax=axes, left=True)
