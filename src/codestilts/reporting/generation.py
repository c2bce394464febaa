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

from codestilts.columns import PROBES, REFERENCES, SOURCE_REFERENCES
from codestilts.reporting.figures import COLOURS

RIGHT_LANGUAGE, CUT = "right_language", "cut"  # metrics
MEASURES = ["quality", "wrong_language", "error", "missed", "cut"]  # in points
COLUMNS = ["target", "arm", "method", "learning_rate", "languages", *MEASURES]
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
        :data:`COLUMNS`; ``languages`` is source or zero-shot, whose languages are averaged after the seeds.
        ``error`` is the share of references that are not found to be in their language, ``missed`` the share of
        references of the source language that are found to be in the language of another one's output, and ``cut`` the
        share of outputs without an end, in points.
    """
    is_probe = scores["arm"].isin(PROBES)
    compared = scores[scores["target"].isin(metrics) & (is_probe | (scores["checkpoint"] == checkpoint))]
    kinds = {"quality": compared["metric"] == compared["target"].map(metrics)}
    kinds |= {name: compared["metric"] == name for name in (RIGHT_LANGUAGE, CUT)}
    languages = compared["zero_shot"].map({True: "zero-shot", False: "source"}).rename("languages")
    keys = [compared["target"], compared["arm"], languages, compared["language"]]
    values = {name: compared["value"].where(chosen).groupby(keys, sort=True).mean() for name, chosen in kinds.items()}
    table = pd.DataFrame(values).groupby(level=[0, 1, 2]).mean().reset_index()
    table[["quality", "right", "cut"]] = 100 * table[["quality", RIGHT_LANGUAGE, CUT]]
    table["wrong_language"] = 100 - table["right"]
    for arm, column, name in ((REFERENCES, "wrong_language", "error"), (SOURCE_REFERENCES, "right", "missed")):
        of_measure = table.loc[table["arm"] == arm, ["target", "languages", column]].rename(columns={column: name})
        table = table.merge(of_measure, on=["target", "languages"], how="left")
    trained = runs[runs["phase"] == "target"].groupby(["target", "arm"], as_index=False)[["learning_rate", "method"]]
    return table.merge(trained.first(), on=["target", "arm"])[COLUMNS]


def wrong_language_figure(table: pd.DataFrame, alike: Collection[str], trials: pd.DataFrame) -> Figure:
    """Draw the share of outputs in the wrong language, and their quality, in zero-shot languages by learning rate.

    One column of panels for each target; a colour for each method. Lines join the arms that are ``alike`` but for the
    training of targets; others are hollow points, with their names where there are few. Crosses are the trials of
    learning rates that predicted test rows (:func:`codestilts.reporting.run_records.trials_table`), those of rates that
    were not chosen among them. The dashed line is the share of
    references that are not found to be in their language; the dotted one, the share of references of the source
    language that are found not to be in the language that has to be written.
    """
    shown = table[table["languages"] == "zero-shot"]
    targets, methods = sorted(shown["target"].unique()), sorted(shown["method"].unique())
    width = max(1, len(targets))
    figure, grid = plt.subplots(2, width, figsize=(2.9 * width, 5.4), squeeze=False, sharex="col")
    for column, target in enumerate(targets):
        part = shown[shown["target"] == target]
        for row, (value, label) in enumerate((("wrong_language", "wrong language, %"), ("quality", "quality, points"))):
            axes = grid[row][column]
            top = 100 if value == "wrong_language" else max(1, part[value].max())
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
            if value == "wrong_language":
                for level, line in ((part["error"].max(), "--"), (100 - part["missed"].max(), ":")):
                    if pd.notna(level):
                        axes.axhline(level, color="0.5", linewidth=0.8, linestyle=line)
            axes.set(xscale="log", ylabel=label if column == 0 else "", title=target if row == 0 else "")
            axes.set_ylim(0, top)
            sns.despine(ax=axes)
        grid[1][column].set_xlabel("learning rate of the target")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, title="trained weights")
    return figure


def _beside(height: float) -> str:
    """The vertical alignment of a name beside a point, so that it stays within the panel and clear of its axis."""
    return "bottom" if height < EDGE else "top" if height > 1 - EDGE else "center"


def _draw(axes: Axes, points: pd.DataFrame, value: str, style: dict[str, Any]) -> None:
    (line,) = axes.plot(points["learning_rate"], points[value], clip_on=False, **style)
    line.set_in_layout(False)  # what is not clipped counts at its place on a linear axis, far outside the panel
