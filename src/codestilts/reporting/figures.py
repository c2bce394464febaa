"""Figures: each function draws one and returns it.

Colours are those of Okabe and Ito (2008), which readers with any kind of colour vision can tell apart. Only lines and
markers have them: as colours of text on white, most have too little contrast (WCAG asks for 4.5:1).
"""

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

from codestilts.csv_tables import write_csv
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
SEEDS_BELOW = 0.33  # an interval, as a share of the distance between intervals


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


def save(figure: Figure, data: pd.DataFrame, stem: str | Path) -> None:
    """Write ``stem.svg``, ``stem.pdf`` and ``stem.png``, and ``data``, which the figure draws, as ``stem.csv``.

    The same figure gives the same bytes.
    """
    stem = Path(stem)
    write_csv(data, stem.with_suffix(".csv"), float_format="%.6g")
    plt.rcParams["svg.hashsalt"] = stem.name
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the layout is computed once, not again for each format
    undated: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
    for kind, metadata in undated.items():
        with atomic(stem.with_suffix(f".{kind}")) as temporary:
            figure.savefig(temporary, format=kind, metadata=metadata, dpi=200)


def intervals(axes: Axes, table: pd.DataFrame, value: str, labels: list[str]) -> None:
    """Draw rows from top to bottom as dots with intervals, and below each interval the value of each seed as a dot.

    ``table`` has the columns ``value``, ``low``, ``high``, ``by_seed`` (numbers in one text) and ``family`` and, where
    some rows are means of families and are drawn larger, ``kind``.
    """
    heights = np.arange(len(table))[::-1]
    axes.axvline(0, color="#555555", linewidth=1)
    for height, (_, row) in zip(heights, table.iterrows(), strict=True):
        colour, marker = COLOURS[row["family"]], MARKERS[row["family"]]
        mean = row.get("kind") == "family"
        axes.plot([row["low"], row["high"]], [height, height], color=colour, linewidth=3 if mean else 1.5)
        axes.plot(row[value], height, marker=marker, color=colour, markersize=9 if mean else 6, zorder=3)
        seeds = [float(text) for text in str(row["by_seed"]).split()]
        axes.scatter(seeds, [height - SEEDS_BELOW] * len(seeds), s=7, color=colour, alpha=0.55, linewidth=0, zorder=2)
    axes.set_yticks(heights, labels)
    axes.set_ylim(-0.7, len(table) - 0.3)
    axes.grid(axis="y", visible=False)
    sns.despine(ax=axes, left=True)


def primary(contrasts: pd.DataFrame, margin: float) -> Figure:
    """Draw each side of the primary contrast minus ``none`` and, below, the contrast over all groups and in each."""
    gains = contrasts[contrasts["role"] == "reference"].reset_index(drop=True)
    table = contrasts[contrasts["role"].isin(["primary", "group"])].reset_index(drop=True)
    heights = [count + 0.6 for count in (len(gains), len(table)) if count] or [1]
    figure, panels = plt.subplots(
        len(heights), figsize=(4.6, 0.45 * sum(heights) + 1.2), height_ratios=heights, sharex=True, squeeze=False
    )
    below = panels[-1, 0]
    for axes in panels[:, 0]:
        axes.axvspan(-margin, margin, color="#f0f0f0", zorder=0)
    if len(gains):
        labels = [family_name(side).capitalize() for side in gains["plus"]]
        intervals(panels[0, 0], gains.assign(family=gains["plus"]), "difference", labels)
        panels[0, 0].set_title("Minus no intermediate training")
        panels[0, 0].tick_params(bottom=False)
    better = table["plus"].where(table["difference"] > 0, table["minus"])
    intervals(
        below, table.assign(family=better), "difference", [scope_name(name).capitalize() for name in table["scope"]]
    )
    for tick in below.get_yticklabels()[:1]:
        tick.set_fontweight("bold")
    reach = 1.15 * max(*map(abs, below.get_xlim()), margin)
    below.set_xlim(-reach, reach)
    sides = [family_name(table[side][0]) for side in ("minus", "plus") if len(table)]
    below.set_xlabel("{} better   ←   points   →   {} better".format(*sides) if sides else "points")
    if len(gains) and sides:
        below.set_title(f"{sides[1].capitalize()} minus {sides[0]}")
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
    for tick, mean in zip(axes.get_yticklabels(), ordered["mean"], strict=True):
        tick.set_fontweight("bold" if mean else "normal")
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
    colours = axes.collections[0].colorbar
    if colours is not None and colours.solids is not None:
        colours.solids.set(rasterized=False, edgecolor="face")  # a page that loads nothing shows no image
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


def checks(table: pd.DataFrame) -> Figure:
    """Draw the score of each target in the source language, with trivial baselines and random weights."""
    targets = list(dict.fromkeys(table["target"]))
    figure, axes = plt.subplots(figsize=(4.6, 0.5 * len(targets) + 1.2))
    names = {
        "trivial": ("trivial baselines", "x", COLOURS["trivial"]),
        "random": ("random weights", "^", COLOURS["control"]),
    }
    for height, target in enumerate(reversed(targets)):
        hidden = "_" if height else ""  # a leading underscore keeps a label out of the legend
        part = table[table["target"] == target]
        reached = pd.concat([part["rival_value"], part["none"]])
        axes.plot([reached.min(), reached.max()], [height, height], color="#dddddd", zorder=0)
        for kind, (label, marker, colour) in names.items():
            reached = part.loc[part["rival_kind"] == kind, "rival_value"]
            own: dict[str, Any] = {"marker": marker, "color": colour, "label": f"{hidden}{label}"}
            axes.scatter(reached, [height] * len(reached), clip_on=False, zorder=2, **own)
        label = f"{hidden}pretrained weights"
        none, colour = part["none"].iloc[0], COLOURS["english"]
        axes.scatter(none, height, marker="o", s=36, color=colour, alpha=0.8, label=label, clip_on=False, zorder=3)
    axes.set_yticks(range(len(targets)), list(reversed(targets)))
    axes.set(xlim=(0, 100), xlabel="points")
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1), ncols=2, frameon=False, fontsize="small")
    sns.despine(ax=axes, left=True)
    return figure
