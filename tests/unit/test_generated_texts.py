"""What the report says of generated texts, by hand."""

import json

import pandas as pd
import pytest

from codestilts.reporting import figures, generation, sample_predictions
from codestilts.reporting.run_records import trained_how, trials_table

RUN = {"phase": "target", "arm": "none", "target": "complete", "method": "full", "trials": "[]"}
NO_TRIALS = trials_table(pd.DataFrame([RUN]))


def value(arm, language, seed, metric, found, **other):
    fixed = {"target": "complete", "checkpoint": "last", "zero_shot": language != "python"}
    return {**fixed, "arm": arm, "language": language, "seed": seed, "metric": metric, "value": found, **other}


@pytest.fixture
def table():
    scores = [
        value("none", "python", 0, "edit_similarity", 0.5),
        value("none", "python", 0, "right_language", 1.0),
        value("none", "go", 0, "edit_similarity", 0.2),
        value("none", "go", 1, "edit_similarity", 0.4),
        value("none", "rust", 0, "edit_similarity", 0.1),
        value("none", "go", 0, "right_language", 0.6),
        value("none", "go", 1, "right_language", 0.8),
        value("none", "rust", 0, "right_language", 0.5),
        value("slow", "go", 0, "edit_similarity", 0.7),
        value("slow", "go", 0, "right_language", 0.9),
        value("none", "python", 0, "other_language", 0.0),
        value("none", "go", 0, "other_language", 0.3),
        value("none", "go", 1, "other_language", 0.1),
        value("none", "rust", 0, "other_language", 0.5),
        value("slow", "go", 0, "other_language", 0.04),
        value("none", "go", 0, "edit_similarity", 0.9, checkpoint="dev"),
        value("none", "go", 0, "exact_match", 0.0),
        value("none", "go", 0, "accuracy", 0.0, target="match"),
        value("baseline:reference", "python", 0, "right_language", 1.0, checkpoint=""),
        value("baseline:reference", "go", 0, "right_language", 0.9, checkpoint=""),
        value("baseline:reference", "rust", 0, "right_language", 0.8, checkpoint=""),
        value("baseline:copy", "rust", 0, "right_language", 0.1, checkpoint=""),
        value("baseline:source-reference", "go", 0, "right_language", 0.5, checkpoint=""),
        value("baseline:source-reference", "rust", 0, "right_language", 0.3, checkpoint=""),
        value("baseline:reference", "python", 0, "other_language", 0.0, checkpoint=""),
        value("baseline:reference", "go", 0, "other_language", 0.1, checkpoint=""),
        value("baseline:reference", "rust", 0, "other_language", 0.04, checkpoint=""),
        value("baseline:source-reference", "go", 0, "other_language", 0.5, checkpoint=""),
        value("baseline:source-reference", "rust", 0, "other_language", 0.6, checkpoint=""),
        value("none", "go", 0, "cut", 0.2),
        value("none", "go", 1, "cut", 0.4),
        value("none", "rust", 0, "cut", 0.1),
    ]
    runs = [
        {"phase": "target", "target": "complete", "arm": "none", "learning_rate": 1e-3, "method": "full"},
        {"phase": "target", "target": "complete", "arm": "slow", "learning_rate": 1e-4, "method": "lora"},
        {"phase": "intermediate", "target": "", "arm": "slow", "learning_rate": 9.0, "method": "full"},
    ]
    return generation.wrong_languages(pd.DataFrame(scores), pd.DataFrame(runs), {"complete": "edit_similarity"}, "last")


def test_seeds_are_averaged_before_languages(table):
    """Go: .3 and .7 right over two seeds, of which .2 are in another language; Rust: .1 and .5 right, .5 in another.

    So quality is 20, 35 % are in the wrong language, and of 100 - 60 - 35 % it cannot be told.
    """
    found = table.set_index(["arm", "languages"])
    shares = ["wrong_language", "unknown_language"]
    assert found.loc[("none", "zero-shot"), "quality"] == pytest.approx(20)
    assert found.loc[("none", "zero-shot"), shares].tolist() == pytest.approx([35, 5])
    assert found.loc[("none", "source"), shares].tolist() == pytest.approx([0, 0])
    assert found.loc[("slow", "zero-shot"), shares].tolist() == pytest.approx([4, 6])
    assert found["learning_rate"].dropna().to_dict() == {
        ("none", "source"): 1e-3,
        ("none", "zero-shot"): 1e-3,
        ("slow", "zero-shot"): 1e-4,
    }
    assert found.loc[("none", "zero-shot"), "cut"] == pytest.approx(20) and found.loc["slow", "cut"].isna().all()


def test_references_show_the_errors_of_the_measure(table):
    """Of Go's and Rust's own 85 % are found to be right and 7 % in another language; of Python's, 40 and 55 %."""
    found = table[table["method"] == ""].set_index(["arm", "languages"])[["wrong_language", "unknown_language"]]
    assert {key: list(row) for key, row in zip(found.index, found.to_numpy(), strict=True)} == {
        ("references", "source"): pytest.approx([0, 0]),
        ("references", "zero-shot"): pytest.approx([7, 8]),
        ("references of the source language", "zero-shot"): pytest.approx([55, 5]),
    }
    assert table["arm"].tolist()[:3] == ["none", "none", "slow"] and len(table) == 6
    assert table.loc[table["method"] == "", ["learning_rate", "quality"]].isna().all(axis=None)


def test_the_figure_has_a_point_for_each_arm(table):
    figure = generation.wrong_language_figure(table, ["none", "slow"], NO_TRIALS)
    wrong, unknown, quality = figure.axes
    for axes, expected, levels in ((wrong, (35, 4), (7, 55)), (unknown, (5, 6), (8, 5))):
        *arms, own, source = axes.lines
        assert own.get_ydata() == pytest.approx([levels[0]] * 2) and own.get_linestyle() == "--"
        assert source.get_ydata() == pytest.approx([levels[1]] * 2) and source.get_linestyle() == ":"
        points = [line.get_xydata().tolist() for line in arms if len(line.get_xdata())]
        assert points == [[[1e-3, pytest.approx(expected[0])]], [[1e-4, pytest.approx(expected[1])]]]
    assert [len(line.get_xdata()) for line in quality.lines if line.get_marker() == "None"] == []
    assert quality.get_legend_handles_labels()[1] == ["full", "lora"]
    assert wrong.get_xscale() == "log"


def test_trials_are_crosses_those_that_were_not_chosen_too(table):
    """Of the outputs that are not in the right language, 40 and 90 %, some are in another one: 30 and 15 %.

    Trials without test rows, and failed ones, are no cross; two arms with the trials of one are one cross.
    """
    tried = [
        {
            "learning_rate": 1e-4,
            "dev": 0.5,
            "error": None,
            "chosen": True,
            "zero_shot": {"test": 0.8, "right_language": 0.6, "other_language": 0.3},
        },
        {
            "learning_rate": 1e-2,
            "dev": 0.4,
            "error": None,
            "chosen": False,
            "zero_shot": {"test": 0.25, "right_language": 0.1, "other_language": 0.15},
        },
        {"learning_rate": 1e30, "dev": -1.0, "error": "the loss is nan", "chosen": False},
    ]
    runs = [RUN | {"arm": arm, "trials": json.dumps(tried)} for arm in ("none", "fast")]
    runs.append(RUN | {"arm": "other", "trials": json.dumps([tried[0] | {"zero_shot": {}}])})
    figure = generation.wrong_language_figure(table, ["none", "slow"], trials_table(pd.DataFrame(runs)))
    crosses = [line.get_xydata().tolist() for axes in figure.axes for line in axes.lines if line.get_marker() == "x"]
    assert [points for points in crosses if points] == [
        [[1e-4, pytest.approx(30)], [1e-2, pytest.approx(15)]],
        [[1e-4, pytest.approx(10)], [1e-2, pytest.approx(75)]],
        [[1e-4, pytest.approx(80)], [1e-2, pytest.approx(25)]],
    ]
    assert figure.axes[2].get_ylim()[1] == pytest.approx(80), "of quality: higher than the 70 of the runs"


def test_the_panels_of_several_targets_have_room(table):
    """Points at the ends of panels are not clipped, and a name may be long: neither counts in the layout."""
    figures.style()
    zero_shot = table[table["languages"] == "zero-shot"]
    named = zero_shot[zero_shot["arm"] == "none"].assign(arm="a-task-with-a-long-name", learning_rate=2e-3)
    both = pd.concat([zero_shot, named, zero_shot.assign(target="another")])
    figure = generation.wrong_language_figure(both, ["none", "slow"], NO_TRIALS)
    figure.draw_without_rendering()
    sizes = [axes.get_position().size * figure.get_size_inches() for axes in figure.axes]
    assert len(sizes) == 6 and min(map(min, sizes)) > 1.2


def test_the_figure_joins_only_arms_that_differ_in_the_training_of_targets(table):
    """An arm with a task of its own has the rate of none: it is no point of none's line."""
    zero_shot = table[(table["languages"] == "zero-shot") & (table["method"] != "")].assign(method="full")
    other = zero_shot[zero_shot["arm"] == "none"].assign(arm="mlm-functions", wrong_language=70.0)
    figure = generation.wrong_language_figure(pd.concat([zero_shot, other]), ["none", "slow"], NO_TRIALS)
    line, point, *_ = figure.axes[0].lines
    joined = [[1e-4, pytest.approx(4)], [1e-3, pytest.approx(35)]]
    assert line.get_linestyle() == ":" and line.get_xydata().tolist() == joined
    assert point.get_linestyle() == "None" and point.get_xydata().tolist() == [[1e-3, 70.0]]
    assert [text.get_text() for text in figure.axes[0].texts] == ["mlm-functions"]


def test_names_stay_within_their_panel(table):
    """A name beside a point at the bottom stands above it, one at the top below it; others are level with it."""
    figures.style()
    zero_shot = table[(table["languages"] == "zero-shot") & (table["arm"] == "none")]
    shares = {"low": 0.0, "middle": 50.0, "high": 100.0}
    arms = [zero_shot.assign(arm=arm, wrong_language=share) for arm, share in shares.items()]
    figure = generation.wrong_language_figure(pd.concat(arms), [], NO_TRIALS)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert [text.get_va() for text in axes.texts] == ["bottom", "center", "top"]
    bottom, top = axes.get_window_extent().y0, axes.get_window_extent().y1
    assert all(bottom < box.y0 and box.y1 < top for box in (text.get_window_extent() for text in axes.texts))


@pytest.mark.parametrize(
    ("settings", "rate", "method"),
    [
        ({"learning_rate": 1e-3}, 1e-3, "full"),
        ({"learning_rate": 1e-3, "freeze_embeddings": True}, 1e-3, "frozen embeddings"),
        (
            {"learning_rate": 1e-3, "freeze_embeddings": True, "freeze_decoder": True},
            1e-3,
            "frozen embeddings and frozen decoder",
        ),
        ({"learning_rate": 1e-3, "lora": {"learning_rate_factor": 10.0}}, 1e-2, "lora"),
    ],
)
def test_how_a_run_was_trained(settings, rate, method):
    assert trained_how(settings) == {"learning_rate": pytest.approx(rate), "method": method}


@pytest.mark.parametrize(
    ("row", "note"),
    [
        ({"found_language": "javascript", "cut": False}, "in the wrong language: JavaScript"),
        ({"found_language": "javascript", "cut": True}, "in the wrong language: JavaScript, cut"),
        ({"found_language": "go", "cut": False}, "in the right language"),
        ({"found_language": "go", "cut": True}, "in the right language, cut"),
        ({"found_language": ""}, "in no language that can be told"),
        ({}, ""),  # nothing is generated
        ({"found_language": float("nan"), "output_language": float("nan"), "cut": float("nan")}, ""),
    ],
)
def test_a_sample_says_in_which_language_it_is(row, note):
    assert sample_predictions.note_on_output({"output_language": "go", **row}) == note
