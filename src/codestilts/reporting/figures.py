"""Figures: each function draws one and returns it; colours are those of Okabe and Ito, told apart by all
readers.
"""

import io
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

from codestilts.display_names import language_name, said
from codestilts.provenance import atomic
from codestilts.reporting.tables import points

COLOURS = {
    "code": "#D55E00",
    "english": "#0072B2",
    "mixed": "#CC79A7",
    "variant": "#009E73",
    "control": "#737373",
    "baseline": "#000000",
    "trivial": "#E69F00",
}
MARKERS = {"code": "o", "english": "s", "mixed": "D", "variant": "v", "control": "^", "baseline": "P", "trivial": "x"}
FAMILIES = ["code", "english", "mixed", "variant", "control"]


def style() -> None:
    """One look for all figures; SVG keeps text as text and the same names for its parts in every run."""
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
    """Write ``stem.svg``, ``stem.pdf`` and ``stem.png``, the same bytes for the same figure."""
    stem = Path(stem)
    plt.rcParams["svg.hashsalt"] = stem.name
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once, not again for each format
    undated: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
    for kind, metadata in undated.items():
        with atomic(stem.with_suffix(f".{kind}")) as temporary:
            figure.savefig(temporary, format=kind, metadata=metadata, dpi=200)


def svg(figure: Figure) -> str:
    """A figure as it goes into a page, the same text for the same figure."""
    plt.rcParams["svg.hashsalt"] = "page"
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def intervals(axes: Axes, table: pd.DataFrame, value: str, labels: list[str]) -> None:
    """Rows from top to bottom as dots with intervals; ``table`` has ``value``, low, high and family."""
    places = np.arange(len(table))[::-1]
    axes.axvline(0, color="#555555", linewidth=1)
    for place, (_, row) in zip(places, table.iterrows(), strict=True):
        colour, marker = COLOURS[row["family"]], MARKERS[row["family"]]
        mean = str(row.get("arm", "")).endswith(" family")
        axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=3 if mean else 1.5)
        axes.plot(row[value], place, marker=marker, color=colour, markersize=9 if mean else 6, zorder=3)
    axes.set_yticks(places, labels)
    axes.set_ylim(-0.7, len(table) - 0.3)
    axes.grid(axis="y", visible=False)
    sns.despine(ax=axes, left=True)


def primary(contrasts: pd.DataFrame, margin: float) -> Figure:
    """The primary contrast, and under it the same contrast in each target group."""
    table = contrasts[contrasts["role"].isin(["primary", "group"])].reset_index(drop=True)
    first, second = table["name"][0].split(" minus ") if len(table) else ("", "")
    labels = [group_name(scope) for scope in table["scope"]]
    figure, axes = plt.subplots(figsize=(4.6, 0.45 * len(table) + 1.2))
    axes.axvspan(-margin, margin, color="#f0f0f0", zorder=0)
    families = np.where(table["difference"] > 0, "code", "english") if first == "code" else "mixed"
    intervals(axes, table.assign(family=families), "difference", labels)
    for tick in axes.get_yticklabels()[:1]:
        tick.set_fontweight("bold")
    reach = 1.15 * max(abs(axes.get_xlim()[0]), abs(axes.get_xlim()[1]), margin)
    axes.set_xlim(-reach, reach)
    axes.set_xlabel(f"{said(second)} better   ←   points   →   {said(first)} better")
    return figure


def effects(table: pd.DataFrame, title: str) -> Figure:
    """Every arm minus ``none`` as dots with intervals, family by family, controls last.

    Random weights are left out: they are far below everything else and would hide the differences that
    matter.
    """
    table = table[table["arm"] != "random"]
    families = [family for family in FAMILIES if family in set(table["family"])]
    rows = [table[table["family"] == family] for family in families]
    # A family's mean stands above its arms.
    rows = [part.assign(mean=part["arm"].str.endswith(" family")).sort_values("mean", ascending=False) for part in rows]
    ordered = pd.concat(rows, ignore_index=True) if rows else table.assign(mean=False)
    labels = [said(arm) if arm.endswith(" family") else arm for arm in ordered["arm"]]
    figure, axes = plt.subplots(figsize=(4.6, 0.27 * len(ordered) + 1.1))
    intervals(axes, ordered, "effect", labels)
    for tick, (_, row) in zip(axes.get_yticklabels(), ordered.iterrows(), strict=True):
        tick.set_color(COLOURS[row["family"]])
        tick.set_fontweight("bold" if row["mean"] else "normal")
    axes.set_title(group_name(title))
    axes.set_xlabel("points above no intermediate training")
    return figure


def heat(table: pd.DataFrame, marks: pd.DataFrame | None, title: str, diverging: bool) -> Figure:
    """A heat map of targets (rows) and languages (columns) with numbers; ``marks`` are texts put behind them."""
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
    axes.set(xlabel="", ylabel="", title=said(title))
    axes.grid(visible=False)
    axes.tick_params(axis="x", rotation=45)
    plt.setp(axes.get_xticklabels(), ha="right", rotation_mode="anchor")
    return figure


def near_far(table: pd.DataFrame, languages: pd.DataFrame, title: str) -> Figure:
    """The contrast in each zero-shot language, from the most similar to the source language to the least."""
    merged = table.merge(languages, left_on="language_set", right_on="language")
    merged = merged.sort_values(["similarity", "language"], ascending=[False, True])
    merged["family"] = np.where(merged["seen"], "control", "code")
    names = zip(merged["language"], merged["similarity"], merged["seen"], strict=True)
    labels = [f"{language_name(name)} {near:.2f}{' (seen)' if seen else ''}" for name, near, seen in names]
    figure, axes = plt.subplots(figsize=(4.6, 0.3 * len(merged) + 1.3))
    intervals(axes, merged, "difference", labels)
    axes.set(title=said(title), xlabel="points")
    return figure


def curves(table: pd.DataFrame, families: dict[str, str], arms: list[str]) -> Figure:
    """Dev metric of each trained target over training, mean and range of seeds, for a few arms."""
    targets = sorted(set(table["target"]))
    columns = 2 if len(targets) > 1 else 1
    rows = max(1, -(-len(targets) // columns))  # a study of untrained targets has no curve
    figure, grid = plt.subplots(rows, columns, figsize=(3.5 * columns, 2.5 * rows), squeeze=False)
    lines = ["-", "--", "-.", ":"]
    for axes, target in zip(grid.flat, targets, strict=False):
        for arm, line in zip(arms, lines * 3, strict=False):
            part = table[(table["target"] == target) & (table["arm"] == arm)].dropna(subset=["dev"])
            if part.empty:
                continue
            spread = part.groupby("step")["dev"].agg(["mean", "min", "max"]) * 100
            colour = COLOURS[families.get(arm, "control")]
            axes.plot(spread.index, spread["mean"], line, color=colour, label=arm)
            axes.fill_between(spread.index, spread["min"], spread["max"], color=colour, alpha=0.12, linewidth=0)
        axes.set(title=target, xlabel="step", ylabel="dev, points")
        sns.despine(ax=axes)
    for axes in grid.flat[len(targets) :]:
        axes.set_visible(False)
    handles, names = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False)
    return figure


def losses(table: pd.DataFrame, families: dict[str, str]) -> Figure:
    """Training loss (relative to its start) of each intermediate arm over its steps, mean of seeds."""
    figure, axes = plt.subplots(figsize=(4.6, 3.8))
    ends = {}
    for arm, part in table.groupby("arm", sort=True):
        mean = part.groupby("step")["loss"].mean()
        axes.plot(mean.index, mean, color=COLOURS[families.get(str(arm), "control")], linewidth=1.2)
        if len(mean := mean.dropna()):
            ends[str(arm)] = (float(mean.index[-1]), float(mean.iloc[-1]))
    low, high = axes.get_ylim()
    for arm, height in spread_labels({arm: y for arm, (_, y) in ends.items()}, 0.045 * (high - low)).items():
        colour = COLOURS[families.get(arm, "control")]
        axes.annotate(
            arm,
            ends[arm],
            (1.03, height),
            textcoords=axes.get_yaxis_transform(),
            size=7.5,
            va="center",
            color=colour,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5},
            annotation_clip=False,
        )
    axes.set(xlabel="step", ylabel="loss relative to its start")
    sns.despine(ax=axes)
    return figure


def spread_labels(heights: dict[str, float], gap: float) -> dict[str, float]:
    """Heights at least ``gap`` apart, in the same order and around the same middle, so that labels don't
    overlap.
    """
    ordered = sorted(heights, key=lambda name: (heights[name], name))
    placed: list[float] = []
    for name in ordered:
        placed.append(max(heights[name], placed[-1] + gap) if placed else heights[name])
    shift = float(np.mean(placed) - np.mean(list(heights.values()))) if placed else 0.0
    return {name: height - shift for name, height in zip(ordered, placed, strict=True)}


def checks(table: pd.DataFrame) -> Figure:
    """What each target reaches on the source language, with its trivial baselines and random weights."""
    targets = list(dict.fromkeys(table["target"]))
    figure, axes = plt.subplots(figsize=(4.6, 0.5 * len(targets) + 1.2))
    for place, target in enumerate(reversed(targets)):
        hidden = "_" if place else ""  # a leading underscore keeps a label out of the legend
        part = table[table["target"] == target]
        trivial = part[part["rival"].str.startswith("baseline:")]
        reached = pd.concat([part["rival_value"], part["none"]])
        axes.plot([reached.min(), reached.max()], [place, place], color="#dddddd", zorder=0)
        axes.scatter(
            trivial["rival_value"],
            [place] * len(trivial),
            marker="x",
            color=COLOURS["trivial"],
            label=f"{hidden}trivial baselines",
        )
        random = part[part["rival"] == "random"]
        axes.scatter(
            random["rival_value"],
            [place] * len(random),
            marker="^",
            color=COLOURS["control"],
            label=f"{hidden}random weights, then trained",
        )
        axes.scatter(
            part["none"].iloc[0],
            place,
            marker="o",
            s=50,
            color=COLOURS["english"],
            label=f"{hidden}pretrained, then trained",
        )
    axes.set_yticks(range(len(targets)), list(reversed(targets)))
    axes.set(xlim=(0, 100), xlabel="points")
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1), ncols=2, frameon=False, fontsize="x-small")
    sns.despine(ax=axes, left=True)
    return figure


def efficiency(table: pd.DataFrame) -> Figure:
    """For each rule what its jobs in Slurm used of the CPU time, memory and run time that they asked for."""
    kinds = {"cpu_used": "CPU time", "memory_used": "memory", "time_used": "run time"}
    shares = table.melt("rule", list(kinds), "of", "share").assign(share=lambda rows: 100 * rows["share"])
    figure, axes = plt.subplots(figsize=(7.2, 0.5 * len(table) + 1.2))
    colours = [COLOURS["english"], COLOURS["trivial"], COLOURS["variant"]]
    sns.barplot(shares.replace({"of": kinds}), x="share", y="rule", hue="of", palette=colours, saturation=1, ax=axes)
    axes.axvline(100, color="#555555", linewidth=1)
    axes.set(xlabel="% of what was asked for", ylabel="")
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1), ncols=3, frameon=False, fontsize="small")
    sns.despine(ax=axes, left=True)
    return figure


def group_name(group: object) -> str:
    """A target group as a reader would call it."""
    names = {"qa": "Question answering", "structured": "Structured prediction"}
    return names.get(str(group), str(group).capitalize())
