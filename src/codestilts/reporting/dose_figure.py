"""The figure of doses: the effect of each arm, and what the encoder forgets, by learning rate times steps."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from codestilts.columns import NONE
from codestilts.display_names import language_set_name
from codestilts.reporting.curve_figures import CurveLabels, label_ends
from codestilts.reporting.doses import SOURCE, TEST, DoseTables
from codestilts.reporting.figures import COLOURS, LINES, MARKERS
from codestilts.reporting.output_languages import UNKNOWN_LANGUAGE, WRONG_LANGUAGE

HEIGHT, AXES = 2.9, 2.1  # least inches of a panel, and of them those between its lower and its upper edge
LABEL = 0.13  # inches from the name of an arm to the next one
WIDTH, SIZE = 1.04, 6.5  # where names begin, as a share of the panel's width, and their size


def dose_figure(tables: DoseTables, scope: str, language_set: str) -> Figure:
    """Draw one panel for the source language, one for the test languages if trials predict them, two for the outputs in
    the wrong or an unknown language if these are texts, and one for each held-out text.

    A ring marks the dose that was chosen for an arm; the horizontal line is what was measured without a dose.
    """
    effects, shares = (table[table["scope"] == scope] for table in (tables.effects, tables.shares))
    languages = f"{language_set_name(language_set)} languages"
    families = dict(zip(effects["arm"], effects["family"], strict=True))
    panels = []
    for measure, title in ((SOURCE, "source language, dev"), (TEST, f"{languages}, test")):
        part = effects[effects["measure"] == measure].rename(columns={"effect": "y"})
        panels.append((title, "points above none", 0.0, part))
    for measure, title in ((WRONG_LANGUAGE, "wrong language"), (UNKNOWN_LANGUAGE, "unknown language")):
        outputs = shares[shares["measure"] == measure].rename(columns={"share": "y"})
        of_none, of_arms = outputs[outputs["arm"] == NONE], outputs[outputs["arm"] != NONE]
        panels.append((f"{title}: {languages}, test", "% of outputs", of_none["y"].mean(), of_arms))
    for texts, part in tables.losses.dropna(subset="change").groupby("texts", sort=True):
        panels.append((f"forgetting: {texts}", "change of loss", 0.0, part.rename(columns={"change": "y"})))
    panels = [panel for panel in panels if len(panel[-1])]
    rows, arms = max(1, -(-len(panels) // 2)), max((part["arm"].nunique() for *_, part in panels), default=0)
    between = max(AXES, LABEL * arms)
    figure, grid = plt.subplots(rows, 2, figsize=(8.6, (HEIGHT - AXES + between) * rows), squeeze=False)
    labels = CurveLabels(x=WIDTH, gap=LABEL / between, size=SIZE)
    for axes, (title, label, without, part) in zip(grid.flat, panels, strict=False):
        axes.axhline(without, color="#555555", linewidth=1)
        axes.set(title=title, xscale="log", xlabel="dose: learning rate × steps", ylabel=label)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        _lines(axes, part, families, labels)
        sns.despine(ax=axes)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    return figure


def _lines(axes: Axes, table: pd.DataFrame, families: Mapping[str, str], labels: CurveLabels) -> None:
    """Draw a line for each arm with a ring at the chosen dose, and its name at the end."""
    ends = {}
    for number, (name, part) in enumerate(table.groupby("arm", sort=True)):
        points, family = part.sort_values("dose"), families.get(str(name), "control")
        line, colour = LINES[number % len(LINES)], COLOURS[family]
        axes.plot(points["dose"], points["y"], line, color=colour, linewidth=1, marker=MARKERS[family], markersize=3)
        chosen = points[points["chosen"]]
        axes.plot(chosen["dose"], chosen["y"], "o", markersize=9, markerfacecolor="none", color=colour)
        ends[str(name)] = (float(points["dose"].iloc[-1]), float(points["y"].iloc[-1]))
    colours = {name: COLOURS[families.get(name, "control")] for name in ends}
    label_ends(axes, ends, colours, labels)
