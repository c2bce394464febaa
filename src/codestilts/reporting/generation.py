"""What generated texts are like: their quality, and how many are in the wrong language, by learning rate and method.

That is the figure of Chirkova et al. 2023 (arXiv 2310.09917): a model that learns to generate in one language often
answers in it when it is asked in another, and the learning rate decides how often.
"""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from codestilts.columns import REFERENCES
from codestilts.reporting.figures import COLOURS

RIGHT_LANGUAGE = "right_language"  # the metric
COLUMNS = ["target", "arm", "method", "learning_rate", "languages", "quality", "wrong_language", "error"]
PALETTE = [COLOURS[name] for name in ("english", "code", "variant", "mixed", "trivial", "docs")]  # of methods here
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
        ``error`` is the share of references that are not found to be in their language, in points.
    """
    is_gold = scores["arm"] == REFERENCES
    compared = scores[scores["target"].isin(metrics) & (is_gold | (scores["checkpoint"] == checkpoint))]
    kinds = {"quality": compared["metric"] == compared["target"].map(metrics)}
    kinds["right"] = compared["metric"] == RIGHT_LANGUAGE
    languages = compared["zero_shot"].map({True: "zero-shot", False: "source"}).rename("languages")
    keys = [compared["target"], compared["arm"], languages, compared["language"]]
    values = {name: compared["value"].where(chosen).groupby(keys, sort=True).mean() for name, chosen in kinds.items()}
    table = pd.DataFrame(values).groupby(level=[0, 1, 2]).mean().reset_index()
    table["quality"], table["wrong_language"] = 100 * table["quality"], 100 * (1 - table["right"])
    gold = table[table["arm"] == REFERENCES].rename(columns={"wrong_language": "error"})
    table = table.merge(gold[["target", "languages", "error"]], on=["target", "languages"], how="left")
    trained = runs[runs["phase"] == "target"].groupby(["target", "arm"], as_index=False)[["learning_rate", "method"]]
    return table.merge(trained.first(), on=["target", "arm"])[COLUMNS]


def wrong_language_figure(table: pd.DataFrame) -> Figure:
    """Draw the share of outputs in the wrong language, and their quality, in zero-shot languages by learning rate.

    One column of panels for each target; a colour for each method. The dashed line is the share of references that are
    not found to be in their language.
    """
    shown = table[table["languages"] == "zero-shot"]
    targets, methods = sorted(shown["target"].unique()), sorted(shown["method"].unique())
    width = max(1, len(targets))
    figure, grid = plt.subplots(2, width, figsize=(2.9 * width, 5.4), squeeze=False, sharex="col")
    for column, target in enumerate(targets):
        part = shown[shown["target"] == target]
        for row, (value, label) in enumerate((("wrong_language", "wrong language, %"), ("quality", "quality, points"))):
            axes = grid[row][column]
            for number, method in enumerate(methods):
                points = part[part["method"] == method].sort_values("learning_rate")
                axes.plot(
                    points["learning_rate"],
                    points[value],
                    color=PALETTE[number % len(PALETTE)],
                    marker=MARKS[number % len(MARKS)],
                    linestyle=":",
                    label=method,
                    clip_on=False,
                )
            if value == "wrong_language" and part["error"].notna().any():
                axes.axhline(part["error"].max(), color="0.5", linewidth=0.8, linestyle="--")
            axes.set(xscale="log", ylabel=label if column == 0 else "", title=target if row == 0 else "")
            axes.set_ylim(0, 100 if value == "wrong_language" else max(1, part[value].max()))
            sns.despine(ax=axes)
        grid[1][column].set_xlabel("learning rate of the target")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, title="trained weights")
    return figure
