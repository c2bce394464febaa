"""What generated texts are like: their quality, and how many are in the wrong language, by learning rate and method.

That is the figure of Chirkova et al. 2023 (arXiv 2310.09917): a model that learns to generate in one language often
answers in it when it is asked in another, and the learning rate decides how often.
"""

from collections.abc import Collection, Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from codestilts.columns import OF_OUTPUTS, PROBES, REFERENCES, SOURCE_REFERENCES
from codestilts.reporting.figures import COLOURS
from codestilts.reporting.output_languages import MEASURES, UNKNOWN_LANGUAGE, WRONG_LANGUAGE, shares_of_outputs

COLUMNS = ["target", "arm", "method", "learning_rate", "languages", *MEASURES]
# What the measure of the language finds in references, by their rows in the table: in those of the language that has to
# be written, and in those of the source language instead. In the figure they are lines.
REFERENCE_ROWS = {REFERENCES: "references", SOURCE_REFERENCES: "references of the source language"}
REFERENCE_LINES = dict(zip(REFERENCE_ROWS.values(), ("--", ":"), strict=True))
PALETTE = [COLOURS[name] for name in ("english", "code", "variant", "mixed", "trivial", "docs")]  # of methods here
MOST_NAMES = 6  # of arms in a panel
EDGE = 0.08  # share of a panel's height at which names would touch its ends
MARKS = ["o", "s", "^", "D", "v", "P"]


def wrong_languages(
    scores: pd.DataFrame, runs: pd.DataFrame, metrics: Mapping[str, str], checkpoint: str
) -> pd.DataFrame:
    """Return the quality of the outputs and the share in the wrong language of each arm, in points.

    Args:
        scores: the values of one encoder and of the references.
        runs: its training runs.
        metrics: the metric of each target of generation.
        checkpoint: the compared checkpoint.

    Returns:
        :data:`COLUMNS`; ``languages`` is source or zero-shot, whose languages are averaged after the seeds. Beside the
        arms, :data:`REFERENCE_ROWS` have the shares of references, whose ``method`` is "".
    """
    is_probe = scores["arm"].isin(PROBES)
    compared = scores[scores["target"].isin(metrics) & (is_probe | (scores["checkpoint"] == checkpoint))]
    kinds = {"quality": (compared["metric"] == compared["target"].map(metrics)) & ~is_probe}
    kinds |= {name: compared["metric"] == name for name in OF_OUTPUTS}
    languages = compared["zero_shot"].map({True: "zero-shot", False: "source"}).rename("languages")
    keys = [compared["target"], compared["arm"], languages, compared["language"]]
    values = {name: compared["value"].where(chosen).groupby(keys, sort=True).mean() for name, chosen in kinds.items()}
    table = pd.DataFrame(values).groupby(level=[0, 1, 2]).mean().reset_index()
    table = table.assign(quality=100 * table["quality"], **shares_of_outputs(table))
    trained = runs[runs["phase"] == "target"].groupby(["target", "arm"], as_index=False)[["learning_rate", "method"]]
    table = table.merge(trained.first(), on=["target", "arm"], how="left")
    named = table["arm"].map(REFERENCE_ROWS)
    is_last = named.notna()
    table = table.assign(arm=named.fillna(table["arm"]), method=table["method"].mask(is_last, ""), is_last=is_last)
    table = table[table["method"].notna()].sort_values(["target", "is_last"], kind="stable")
    return table[COLUMNS].reset_index(drop=True)


def wrong_language_figure(table: pd.DataFrame, alike: Collection[str], trials: pd.DataFrame) -> Figure:
    """Draw the shares of outputs in the wrong language and in an unknown one, and their quality, by learning rate.

    All are of zero-shot languages. One column of panels for each target; a colour for each method. Lines join the arms
    that are ``alike`` but for the training of targets; others are hollow points, with their names where there are few.
    Crosses are the trials of learning rates that predicted test rows
    (:func:`codestilts.reporting.run_records.trials_table`), those of rates that were not chosen among them. The dashed
    line is the share of references, and the dotted one that of references of the source language.
    """
    shown = table[table["languages"] == "zero-shot"]
    is_line = shown["arm"].isin(REFERENCE_LINES)
    lines, shown = shown[is_line], shown[~is_line]
    targets, methods = sorted(shown["target"].unique()), sorted(shown["method"].unique())
    width = max(1, len(targets))
    panels = [
        (WRONG_LANGUAGE, "wrong language, %"),
        (UNKNOWN_LANGUAGE, "unknown language, %"),
        ("quality", "quality, points"),
    ]
    figure, grid = plt.subplots(3, width, figsize=(2.9 * width, 7.4), squeeze=False, sharex="col")
    for column, target in enumerate(targets):
        part = shown[shown["target"] == target]
        for row, (value, label) in enumerate(panels):
            axes = grid[row][column]
            top = max(1, part[value].max()) if value == "quality" else 100
            tried = trials[trials["target"] == target].drop_duplicates(["method", "learning_rate", value])
            top = np.fmax(top, tried[value].max())
            for number, method in enumerate(methods):
                points = part[part["method"] == method].sort_values("learning_rate")
                style = {"color": PALETTE[number % len(PALETTE)], "marker": MARKS[number % len(MARKS)]}
                joined = points["arm"].isin(alike)
                _draw(axes, points[joined], value, style | {"linestyle": ":", "label": method})
                _draw(axes, points[~joined], value, style | {"linestyle": "", "markerfacecolor": "none"})
                crosses = tried[(tried["method"] == method) & tried[value].notna()]
                _draw(axes, crosses, value, style | {"linestyle": "", "marker": "x"})
            others = part[~part["arm"].isin(alike)]
            middle = np.sqrt(part["learning_rate"].min() * part["learning_rate"].max())
            for _, point in others.iterrows() if len(others) <= MOST_NAMES else ():
                place, left = (point["learning_rate"], point[value]), point["learning_rate"] >= middle
                beside, own = _beside(point[value] / top), {"ha": "right" if left else "left", "fontsize": "xx-small"}
                shift = (-6 if left else 6, {"bottom": 3, "top": -3}.get(beside, 0))
                name = axes.annotate(point["arm"], place, shift, textcoords="offset points", va=beside, **own)
                name.set_in_layout(False)  # a long name would leave no room for the panels
            for _, line in lines[(lines["target"] == target) & lines[value].notna()].iterrows():
                axes.axhline(line[value], color="0.5", linewidth=0.8, linestyle=REFERENCE_LINES[line["arm"]])
            axes.set(xscale="log", ylabel=label if column == 0 else "", title=target if row == 0 else "")
            axes.set_ylim(0, top)
            sns.despine(ax=axes)
        grid[-1][column].set_xlabel("learning rate of the target")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, title="trained weights")
    return figure


def _beside(height: float) -> str:
    """The vertical alignment of a name beside a point, so that it stays within the panel and clear of its axis."""
    return "bottom" if height < EDGE else "top" if height > 1 - EDGE else "center"


def _draw(axes: Axes, points: pd.DataFrame, value: str, style: dict[str, Any]) -> None:
    (line,) = axes.plot(points["learning_rate"], points[value], clip_on=False, **style)
    line.set_in_layout(False)  # what is not clipped counts at its place on a linear axis, far outside the panel
