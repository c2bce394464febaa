"""Figures: drawn, saved in three formats, the same each time."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import synthetic

from codestilts.evaluation.statistics.contrasts import COLUMNS, contrasts
from codestilts.evaluation.statistics.design import design_of
from codestilts.evaluation.statistics.effects import effects
from codestilts.evaluation.statistics.resampling import resample
from codestilts.evaluation.statistics.target_checks import target_checks
from codestilts.reporting import figures
from codestilts.reporting.curve_figures import spread_labels


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


def test_labels_keep_their_distance():
    placed = spread_labels({"a": 0.0, "b": 0.01, "c": 5.0}, 1.0)
    heights = sorted(placed.values())
    assert np.diff(heights).min() >= 1.0 - 1e-9
    assert placed["a"] < placed["b"] < placed["c"]


def test_figures_are_saved_alike(tmp_path: Path, tables: dict[str, pd.DataFrame]):
    figures.style()
    for folder in ("one", "two"):
        figures.save(figures.primary(tables["contrasts"], 1.0), tables["contrasts"], tmp_path / folder / "primary")
    for kind in ("svg", "pdf", "png", "csv"):
        one, two = ((tmp_path / folder / f"primary.{kind}").read_bytes() for folder in ("one", "two"))
        assert one == two
