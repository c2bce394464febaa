"""Figures: each function draws one and returns it.

Colours are those of Okabe and Ito (2008), which readers with any kind of colour vision can tell apart.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from codestilts.config.analysis_settings import ReportedArm
from codestilts.display_names import FAMILY_ORDER, contrast_name, family_name, language_name, scope_name, side_name
from codestilts.provenance import atomic
from codestilts.reporting.tables import points

COLOURS = {
    "code": "#D55E00",
    "english": "#0072B2",
    "docs": "#56B4E9",
    "mixed": "#CC79A7",
    "variant": "#009E73",
    "control": "#737373",
    "baseline": "#000000",
    "trivial": "#E69F00",
}
MARKERS = {
    "code": "o",
    "english": "s",
    "docs": "p",
    "mixed": "D",
    "variant": "v",
    "control": "^",
    "baseline": "P",
    "trivial": "x",
}
LINES = ["-", "--", "-.", ":"]


def style() -> None:
    """Set one style for all figures. SVG files keep text as text and are the same in every run."""
    sns.set_theme(context="notebook", style="whitegrid", font_scale=0.85)
    fonts = ["Arial", "Helvetica", "Liberation Sans", "DejaVu Sans"]
    plt.rcParams.update(
        {
            "svg.fonttype": "none",
            "font.family": "sans-serif",
            "font.sans-serif": fonts,
            "axes.edgecolor": "#999999",
            "grid.color": "#e6e6e6",
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.titlesize": "medium",
            "pdf.fonttype": 42,
            "figure.constrained_layout.use": True,
        }
    )
    import logging

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)


def save(figure: Figure, stem: str | Path) -> None:
    """Write ``stem.svg``, ``stem.pdf`` and ``stem.png``; the same figure gives the same bytes."""
    stem = Path(stem)
    plt.rcParams["svg.hashsalt"] = stem.name
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the layout is computed once, not again for each format
    undated: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
    for kind, metadata in undated.items():
        with atomic(stem.with_suffix(f".{kind}")) as temporary:
            figure.savefig(temporary, format=kind, metadata=metadata, dpi=200)


def svg(figure: Figure) -> str:
    """Return a figure as SVG for a page; the same figure gives the same text."""
    plt.rcParams["svg.hashsalt"] = "page"
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def intervals(axes: Axes, table: pd.DataFrame, value: str, labels: list[str]) -> None:
    """Draw rows from top to bottom as dots with intervals.

    ``table`` has the columns ``value``, ``low``, ``high`` and ``family`` and, where some rows are means of families and
    are drawn larger, ``kind``.
    """
    heights = np.arange(len(table))[::-1]
    axes.axvline(0, color="#555555", linewidth=1)
    for height, (_, row) in zip(heights, table.iterrows(), strict=True):
        colour, marker = COLOURS[row["family"]], MARKERS[row["family"]]
        mean = row.get("kind") == "family"
        axes.plot([row["low"], row["high"]], [height, height], color=colour, linewidth=3 if mean else 1.5)
        axes.plot(row[value], height, marker=marker, color=colour, markersize=9 if mean else 6, zorder=3)
    axes.set_yticks(heights, labels)
    axes.set_ylim(-0.7, len(table) - 0.3)
    axes.grid(axis="y", visible=False)
    sns.despine(ax=axes, left=True)


def primary(contrasts: pd.DataFrame, margin: float) -> Figure:
    """Draw the primary contrast and, below it, the same contrast in each group of targets."""
    table = contrasts[contrasts["role"].isin(["primary", "group"])].reset_index(drop=True)
    figure, axes = plt.subplots(figsize=(4.6, 0.45 * len(table) + 1.2))
    axes.axvspan(-margin, margin, color="#f0f0f0", zorder=0)
    better = table["plus"].where(table["difference"] > 0, table["minus"])
    labels = [scope_name(scope).capitalize() for scope in table["scope"]]
    intervals(axes, table.assign(family=better), "difference", labels)
    for tick in axes.get_yticklabels()[:1]:
        tick.set_fontweight("bold")
    reach = 1.15 * max(abs(axes.get_xlim()[0]), abs(axes.get_xlim()[1]), margin)
    axes.set_xlim(-reach, reach)
    sides = [family_name(table[side][0]) for side in ("minus", "plus") if len(table)]
    axes.set_xlabel("{} better   ←   points   →   {} better".format(*sides) if sides else "points")
    return figure


def effects(table: pd.DataFrame, title: str) -> Figure:
    """Draw every arm minus ``none`` as dots with intervals, family by family, each family's mean above its arms.

    Arms with random initial weights are left out: they are so far below the others that differences between the
    others would be invisible.
    """
    table = table[table["init"] != "random"]
    table = table.assign(rank=table["family"].map(FAMILY_ORDER.index), mean=table["kind"] == "family")
    ordered = table.sort_values(["rank", "mean"], ascending=[True, False], kind="stable", ignore_index=True)
    labels = [
        f"{family_name(row['arm'])}, mean" if row["mean"] else side_name(row["arm"], row["kind"])
        for _, row in ordered.iterrows()
    ]
    figure, axes = plt.subplots(figsize=(4.6, 0.27 * len(ordered) + 1.1))
    intervals(axes, ordered, "effect", labels)
    for tick, (_, row) in zip(axes.get_yticklabels(), ordered.iterrows(), strict=True):
        tick.set_color(COLOURS[row["family"]])
        tick.set_fontweight("bold" if row["mean"] else "normal")
    axes.set_title(scope_name(title).capitalize())
    axes.set_xlabel("points above no intermediate training")
    return figure


def heat(table: pd.DataFrame, marks: pd.DataFrame | None, title: str, diverging: bool) -> Figure:
    """Draw a heat map of targets (rows) and languages (columns) with numbers; ``marks`` are texts behind them."""
    reach = float(np.nanmax(np.abs(table.to_numpy(dtype=float)), initial=0.1))
    scale = (
        {"cmap": "PuOr_r", "vmin": -reach, "vmax": reach} if diverging else {"cmap": "cividis", "vmin": 0, "vmax": 100}
    )
    texts = table.map(lambda value: "" if pd.isna(value) else points(value, True) if diverging else f"{value:.0f}")
    if marks is not None:
        texts = texts + marks.reindex(index=table.index, columns=table.columns).fillna("")
    table = table.rename(columns=language_name)
    figure, axes = plt.subplots(figsize=(1.6 + 0.62 * table.shape[1], 1.3 + 0.42 * table.shape[0]))
    sns.heatmap(
        table, annot=texts, fmt="", ax=axes, cbar_kws={"label": "points"}, linewidths=1, annot_kws={"size": 8}, **scale
    )
    axes.set(xlabel="", ylabel="", title=title)
    axes.grid(visible=False)
    axes.tick_params(axis="x", rotation=45)
    plt.setp(axes.get_xticklabels(), ha="right", rotation_mode="anchor")
    return figure


def similarity(table: pd.DataFrame, languages: pd.DataFrame) -> Figure:
    """Draw the primary contrast in each zero-shot language, the most similar to the source language first."""
    merged = table.merge(languages, left_on="language_set", right_on="language")
    merged = merged.sort_values(["similarity", "language"], ascending=[False, True])
    merged["family"] = np.where(merged["seen"], "control", "code")
    columns = zip(merged["language"], merged["similarity"], merged["seen"], strict=True)
    labels = [f"{language_name(name)} {value:.2f}{' (seen)' if seen else ''}" for name, value, seen in columns]
    figure, axes = plt.subplots(figsize=(4.6, 0.3 * len(merged) + 1.3))
    intervals(axes, merged, "difference", labels)
    if len(merged):
        axes.set_title(contrast_name(*merged[["plus", "plus_kind", "minus", "minus_kind"]].iloc[0]))
    axes.set_xlabel("points")
    return figure


def curves(table: pd.DataFrame, arms: dict[str, ReportedArm], shown_arms: list[str]) -> Figure:
    """Draw the dev metric of each fine-tuned target over training: mean and range of the seeds of a few arms."""
    targets = sorted(set(table["target"]))
    columns = 2 if len(targets) > 1 else 1
    rows = max(1, -(-len(targets) // columns))  # at least one: a study of untrained targets has no curve
    figure, grid = plt.subplots(rows, columns, figsize=(3.5 * columns, 2.5 * rows), squeeze=False)
    for axes, target in zip(grid.flat, targets, strict=False):
        for number, arm in enumerate(shown_arms):
            part = table[(table["target"] == target) & (table["arm"] == arm)].dropna(subset=["dev"])
            if not part.empty:
                _curve(axes, part, arm, COLOURS[arms[arm].family], LINES[number % len(LINES)])
        axes.set(title=target, xlabel="step", ylabel="dev, points")
        sns.despine(ax=axes)
    for axes in grid.flat[len(targets) :]:
        axes.set_visible(False)
    handles, names = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False)
    return figure


def _curve(axes: Axes, points: pd.DataFrame, label: str, colour: str, line: str) -> None:
    spread = points.groupby("step")["dev"].agg(["mean", "min", "max"]) * 100
    axes.plot(spread.index, spread["mean"], line, color=colour, label=label)
    axes.fill_between(spread.index, spread["min"], spread["max"], color=colour, alpha=0.12, linewidth=0)


def losses(table: pd.DataFrame, arms: dict[str, ReportedArm]) -> Figure:
    """Draw the training loss of each intermediate arm, relative to its start, as the mean of its seeds."""
    figure, axes = plt.subplots(figsize=(4.6, 3.8))
    ends = {}
    for arm, part in table.groupby("arm", sort=True):
        mean = part.groupby("step")["loss"].mean()
        axes.plot(mean.index, mean, color=COLOURS[arms[str(arm)].family], linewidth=1.2)
        if len(mean := mean.dropna()):
            ends[str(arm)] = (float(mean.index[-1]), float(mean.iloc[-1]))
    colours = {arm: COLOURS[arms[arm].family] for arm in ends}
    label_ends(axes, ends, colours, CurveLabels(x=1.03, gap=0.045, size=7.5))
    axes.set(xlabel="step", ylabel="loss relative to its start")
    sns.despine(ax=axes)
    return figure


@dataclass(frozen=True)
class CurveLabels:
    """How the names of curves are written beside a panel.

    ``x`` is the position as a share of the panel's width, ``gap`` the least distance as a share of its height.

    ``line`` is the colour of the lines from curves to names, if not that of the curve.
    """

    x: float
    gap: float
    size: float
    line: str = ""


def label_ends(
    axes: Axes, ends: Mapping[str, tuple[float, float]], colours: Mapping[str, str], style: CurveLabels
) -> None:
    """Write the name of each curve beside the panel, joined to its end by a line."""
    low, high = axes.get_ylim()
    for name, height in spread_labels({name: y for name, (_, y) in ends.items()}, style.gap * (high - low)).items():
        axes.annotate(
            name,
            ends[name],
            (style.x, height),
            textcoords=axes.get_yaxis_transform(),
            size=style.size,
            va="center",
            color=colours[name],
            arrowprops={"arrowstyle": "-", "color": style.line or colours[name], "linewidth": 0.5},
            annotation_clip=False,
        )


def spread_labels(heights: dict[str, float], gap: float) -> dict[str, float]:
    """Move heights at least ``gap`` apart, so that labels do not overlap, keeping their order and their mean."""
    ordered = sorted(heights, key=lambda name: (heights[name], name))
    placed: list[float] = []
    for name in ordered:
        placed.append(max(heights[name], placed[-1] + gap) if placed else heights[name])
    shift = float(np.mean(placed) - np.mean(list(heights.values()))) if placed else 0.0
    return {name: height - shift for name, height in zip(ordered, placed, strict=True)}


def checks(table: pd.DataFrame) -> Figure:
    """Draw the score of each target in the source language, with trivial baselines and random weights."""
    targets = list(dict.fromkeys(table["target"]))
    figure, axes = plt.subplots(figsize=(4.6, 0.5 * len(targets) + 1.2))
    names = {
        "trivial": ("trivial baselines", "x", COLOURS["trivial"]),
        "random": ("random weights, then trained", "^", COLOURS["control"]),
    }
    for height, target in enumerate(reversed(targets)):
        hidden = "_" if height else ""  # a leading underscore keeps a label out of the legend
        part = table[table["target"] == target]
        reached = pd.concat([part["rival_value"], part["none"]])
        axes.plot([reached.min(), reached.max()], [height, height], color="#dddddd", zorder=0)
        for kind, (label, marker, colour) in names.items():
            reached = part.loc[part["rival_kind"] == kind, "rival_value"]
            axes.scatter(reached, [height] * len(reached), marker=marker, color=colour, label=f"{hidden}{label}")
        label = f"{hidden}pretrained, then trained"
        axes.scatter(part["none"].iloc[0], height, marker="o", s=50, color=COLOURS["english"], label=label)
    axes.set_yticks(range(len(targets)), list(reversed(targets)))
    axes.set(xlim=(0, 100), xlabel="points")
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1), ncols=2, frameon=False, fontsize="x-small")
    sns.despine(ax=axes, left=True)
    return figure


def efficiency(table: pd.DataFrame) -> Figure:
    """Draw, for each rule, the shares of the requested CPU time, memory and run time that its Slurm jobs used."""
    kinds = {"cpu_used": "CPU time", "memory_used": "memory", "time_used": "run time"}
    shares = table.melt("rule", list(kinds), "of", "share").assign(share=lambda rows: 100 * rows["share"])
    figure, axes = plt.subplots(figsize=(7.2, 0.5 * len(table) + 1.2))
    colours = [COLOURS["english"], COLOURS["trivial"], COLOURS["variant"]]
    sns.barplot(shares.replace({"of": kinds}), x="share", y="rule", hue="of", palette=colours, saturation=1, ax=axes)
    axes.axvline(100, color="#555555", linewidth=1)
    axes.set(xlabel="% of the request", ylabel="")
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1), ncols=3, frameon=False, fontsize="small")
    sns.despine(ax=axes, left=True)
    return figure
