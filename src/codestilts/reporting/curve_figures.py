"""Figures of training: the loss of intermediate arms and the dev metric of targets, by step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import isotonic_regression

from codestilts.config.analysis_settings import ReportedArm
from codestilts.reporting.figures import COLOURS, LINES


def dev_spread(curves: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """Return the dev metric of each target after these arms by step, in points: mean and range of the seeds."""
    known = curves[curves["arm"].isin(arms)].dropna(subset=["dev"]).assign(dev=lambda rows: 100 * rows["dev"])
    return known.groupby(["target", "arm", "step"])["dev"].agg(["mean", "min", "max"]).reset_index()


def dev_figure(spread: pd.DataFrame, arms: dict[str, ReportedArm], shown_arms: Sequence[str]) -> Figure:
    """Draw :func:`dev_spread`, one panel for each target."""
    targets = sorted(set(spread["target"]))
    columns = 2 if len(targets) > 1 else 1
    rows = max(1, -(-len(targets) // columns))  # at least one: a study of untrained targets has no curve
    figure, grid = plt.subplots(rows, columns, figsize=(3.5 * columns, 2.5 * rows), squeeze=False)
    for axes, target in zip(grid.flat, targets, strict=False):
        for number, arm in enumerate(shown_arms):
            part = spread[(spread["target"] == target) & (spread["arm"] == arm)]
            if not part.empty:
                colour = COLOURS[arms[arm].family]
                line, marker = LINES[number % len(LINES)], "o" if len(part) == 1 else ""
                axes.plot(part["step"], part["mean"], line, color=colour, label=arm, marker=marker, markersize=4)
                axes.fill_between(part["step"], part["min"], part["max"], color=colour, alpha=0.12, linewidth=0)
        axes.set(title=target, xlabel="step", ylabel="dev, points")
        sns.despine(ax=axes)
    for axes in grid.flat[len(targets) :]:
        axes.set_visible(False)
    handles, names = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False)
    return figure


def mean_losses(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the training loss of each intermediate arm by step, relative to its start: the mean of its seeds."""
    return curves.groupby(["arm", "step"])["loss"].mean().reset_index()


def loss_figure(losses: pd.DataFrame, arms: dict[str, ReportedArm]) -> Figure:
    """Draw :func:`mean_losses`."""
    figure, axes = plt.subplots(figsize=(4.6, 3.8))
    ends = {}
    for arm, part in losses.groupby("arm", sort=True):
        axes.plot(part["step"], part["loss"], color=COLOURS[arms[str(arm)].family], linewidth=1.2)
        if len(known := part.dropna(subset=["loss"])):
            ends[str(arm)] = (float(known["step"].iloc[-1]), float(known["loss"].iloc[-1]))
    colours = {arm: COLOURS[arms[arm].family] for arm in ends}
    label_ends(axes, ends, colours, CurveLabels(x=1.03, gap=0.045, size=7.5))
    axes.set(xlabel="step", ylabel="loss relative to its start")
    sns.despine(ax=axes)
    return figure


@dataclass(frozen=True)
class CurveLabels:
    """How the names of curves are written beside a panel.

    ``x`` is the position as a share of the panel's width, ``gap`` the least distance as a share of its height.
    """

    x: float
    gap: float
    size: float


def label_ends(
    axes: Axes, ends: Mapping[str, tuple[float, float]], colours: Mapping[str, str], style: CurveLabels
) -> None:
    """Write the name of each curve beside the panel, joined to its end by a line of the curve's colour."""
    low, high = axes.get_ylim()
    heights = {name: y for name, (_, y) in ends.items()}
    for name, height in spread_labels(heights, style.gap * (high - low), low, high).items():
        axes.annotate(
            name,
            ends[name],
            (style.x, height),
            textcoords=axes.get_yaxis_transform(),
            size=style.size,
            va="center",
            # From the left end of a name: from its middle, a steep line would cross the names above or below it.
            arrowprops={
                "arrowstyle": "-",
                "color": colours[name],
                "linewidth": 0.5,
                "relpos": (0, 0.5),
                "shrinkA": 1,
                "shrinkB": 2,
            },
            annotation_clip=False,
        )


def spread_labels(heights: Mapping[str, float], gap: float, low: float, high: float) -> dict[str, float]:
    """Move heights at least ``gap`` apart and between ``low`` and ``high``, keeping their order.

    Of all such heights, those with the least sum of squared moves are returned (an isotonic regression of what is left
    of each height after the gaps below it). If they do not fit, they begin at ``low`` and exceed ``high``.
    """
    if not heights:
        return {}
    ordered = sorted(heights, key=lambda name: (heights[name], name))
    below = gap * np.arange(len(ordered))
    placed = isotonic_regression([heights[name] for name in ordered] - below).x
    placed = np.maximum(np.minimum(placed, high - below[-1]), low) + below
    return dict(zip(ordered, placed.tolist(), strict=True))
