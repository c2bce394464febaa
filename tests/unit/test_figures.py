"""Figures: drawn, saved in three formats, the same each time."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import synthetic
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from codestilts.config.analysis_settings import ReportedArm
from codestilts.evaluation.statistics.contrasts import COLUMNS, contrasts
from codestilts.evaluation.statistics.design import design_of
from codestilts.evaluation.statistics.effects import effects
from codestilts.evaluation.statistics.resampling import resample
from codestilts.evaluation.statistics.target_checks import target_checks
from codestilts.reporting import figures
from codestilts.reporting.curve_figures import loss_figure, spread_labels
from codestilts.reporting.dose_figure import dose_figure
from codestilts.reporting.doses import DoseTables


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    scores = resample(synthetic.sums(units=20), 20, 0)
    design = design_of(synthetic.SETTINGS, synthetic.language_rows(), "tiny")
    return {
        "contrasts": contrasts(scores, design),
        "effects": effects(scores, design),
        "checks": target_checks(scores, design),
    }


def texts(figure: figures.Figure) -> str:
    figures.plt.close(figure)
    labels = [tick.get_text() for axes in figure.axes for tick in axes.get_yticklabels()]
    return " ".join(labels)


def contrast_on_white(colour: Any) -> float:
    """The contrast of WCAG 2.2 (relative luminance)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return 1.05 / (float(np.dot((0.2126, 0.7152, 0.0722), linear)) + 0.05)


def assert_legible(figure: figures.Figure) -> None:
    figure.draw_without_rendering()
    shown = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text().strip()]
    assert shown and [text for text in shown if contrast_on_white(text.get_color()) < 4.5] == []
    figures.plt.close(figure)


def test_every_figure_draws(tables: dict[str, pd.DataFrame]):
    figures.style()
    first = figures.primary(tables["contrasts"], 1.0)
    titles = [axes.get_title(loc="left") for axes in first.axes]
    assert titles == ["Minus no intermediate training", "Code minus English"]
    assert texts(first).startswith("Code English All groups")
    assert texts(figures.primary(tables["contrasts"].query("role == 'primary'"), 1.0)) == "All groups"
    assert "random weights" not in texts(figures.checks(tables["checks"]))
    unseen = tables["effects"].query("language_set == 'unseen' and scope == 'all groups'")
    shown = texts(figures.effects(unseen, "all groups"))
    assert shown.startswith("code, mean")
    assert "random" not in shown
    each = tables["contrasts"].query("role == 'language'")
    assert texts(figures.similarity(each, synthetic.language_rows())).startswith("JavaScript 0.70 (seen)")


def test_texts_have_enough_contrast_whatever_their_family(tables: dict[str, pd.DataFrame]):
    figures.style()
    assert_legible(figures.primary(tables["contrasts"], 1.0))
    assert_legible(figures.checks(tables["checks"]))
    unseen = tables["effects"].query("language_set == 'unseen' and scope == 'all groups'")
    rows = [unseen.head(1).assign(family=family, arm=family, kind="arm") for family in ("code", "docs", "mixed")]
    assert_legible(figures.effects(pd.concat(rows), "all groups"))
    arms = {family: ReportedArm(family=family) for family in figures.COLOURS}
    ends = [{"arm": arm, "step": step, "loss": number / step} for number, arm in enumerate(arms) for step in (1, 2)]
    assert_legible(loss_figure(pd.DataFrame(ends), arms))


def test_a_figure_without_data_shows_the_zero_line_alone():
    empty = pd.DataFrame(columns=COLUMNS)
    figures.style()
    for figure in (figures.primary(empty, 1.0), figures.similarity(empty, synthetic.language_rows())):
        (axes,) = figure.axes
        assert texts(figure) == "" and "points" in axes.get_xlabel()
        assert [list(line.get_xdata()) for line in axes.lines] == [[0, 0]]
    heat = figures.heat(pd.DataFrame([[np.nan]], columns=["c"]), None, "t", True)
    assert not [text for text in heat.axes[0].texts if text.get_text()] and texts(heat).startswith("0 ")


def test_the_value_of_each_seed_is_a_dot_below_its_interval(tables: dict[str, pd.DataFrame]):
    unseen = tables["effects"].query("language_set == 'unseen' and scope == 'all groups' and arm == 'pos'")
    figure = figures.effects(unseen, "all groups")
    (dots,) = figure.axes[0].collections
    figures.plt.close(figure)
    places = np.asarray(dots.get_offsets())
    assert len(places) == 3 and set(places[:, 1]) == {-figures.SEEDS_BELOW}
    assert places[:, 0].mean() == pytest.approx(unseen["effect"].iloc[0], abs=1e-3), "the effect is their mean"


def test_labels_keep_their_distance_and_stay_beside_the_panel():
    """Two that are too near move half the way each; those that would leave the panel move into it."""
    heights = {"a": 4.0, "b": 4.2, "c": 9.0}
    assert spread_labels(heights, 1.0, 0.0, 10.0) == pytest.approx({"a": 3.6, "b": 4.6, "c": 9.0})
    assert spread_labels(heights, 1.0, 4.0, 8.5) == pytest.approx({"a": 4.0, "b": 5.0, "c": 8.5})
    assert spread_labels({}, 1.0, 0.0, 1.0) == {}


def test_names_of_curves_neither_overlap_nor_leave_the_figure_and_no_line_crosses_one():
    """Thirty curves that end close to each other, at the top of the panel: as many as the desk study has arms."""
    figures.style()
    names = [f"arm-{number:02d}" for number in range(30)]
    rows = [{"scope": "all", "measure": "dev", "arm": name, "family": "code", "dose": dose, "chosen": dose == 0.008,
             "effect": 0.01 * number - 5 * (number == 0)}
            for number, name in enumerate(names) for dose in (0.008, 0.0272, 0.08)]  # fmt: skip
    losses = pd.DataFrame(columns=["texts", "arm", "dose", "change", "chosen"])
    none = pd.DataFrame(columns=["arm", "scope", "measure", "share"])  # no texts are generated
    figure = dose_figure(DoseTables(pd.DataFrame(rows), none, losses, pd.DataFrame(), pd.DataFrame()), "all", "unseen")
    figure.draw_without_rendering()
    axes = figure.axes[0]
    boxes = sorted((Text.get_window_extent(text) for text in axes.texts), key=lambda box: box.y0)  # without the line
    assert len(boxes) == len(names) and boxes[0].y0 >= 0 and boxes[-1].y1 <= figure.bbox.y1
    assert all(below.y1 <= above.y0 for below, above in pairwise(boxes))
    ends = [text.arrow_patch.get_window_extent().x1 for text in axes.texts]
    assert max(ends) <= min(box.x0 for box in boxes) + 1, "lines end at the left ends of names"
    ticks = [label.get_window_extent() for label in axes.get_xticklabels(which="both") if label.get_text()]
    assert all(left.x1 < right.x0 for left, right in pairwise(sorted(ticks, key=lambda box: box.x0)))
    assert_legible(figure)


def test_points_at_the_end_of_a_scale_are_drawn_whole(tables: dict[str, pd.DataFrame]):
    figure = figures.checks(tables["checks"])
    assert not any(dots.get_clip_on() for dots in figure.axes[0].collections)
    figures.plt.close(figure)


def test_figures_are_saved_alike(tmp_path: Path, tables: dict[str, pd.DataFrame]):
    figures.style()
    for folder in ("one", "two"):
        figures.save(figures.primary(tables["contrasts"], 1.0), tables["contrasts"], tmp_path / folder / "primary")
    for kind in ("svg", "pdf", "png", "csv"):
        one, two = ((tmp_path / folder / f"primary.{kind}").read_bytes() for folder in ("one", "two"))
        assert one == two
