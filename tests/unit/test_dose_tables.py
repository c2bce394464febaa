"""Tables and the figure of doses, from trials made by hand."""

import math
from dataclasses import replace

import pandas as pd
import pytest
import report_study
import synthetic
from report_study import SETTINGS, page

from codestilts.config.scopes import ALL_GROUPS
from codestilts.csv_tables import read_csv, write_csv
from codestilts.evaluation.statistics.design import Design, design_of
from codestilts.reporting import figures
from codestilts.reporting.dose_figure import dose_figure
from codestilts.reporting.doses import (
    KEYS,
    ChosenEnds,
    DoseTables,
    TextLoss,
    by_trial,
    chosen_ends,
    dose_tables,
    have_all_rates,
    text_losses,
)

results = report_study.results  # a fixture


@pytest.fixture(scope="module")
def design() -> Design:
    """Unseen languages are c, go and java; match, tags and search are of three groups."""
    return design_of(synthetic.SETTINGS, synthetic.language_rows(), "tiny")


def trial(arm: str, rate: float, chosen: bool, dev: dict[str, float], loss: float | None = None) -> list[dict]:
    """The rows of a trial with 100 steps: dev metrics, and test metrics that are .1 below them in Go and .3 in C."""
    keys = {"encoder": "tiny", "arm": arm, "seed": 0, "learning_rate": rate, "steps": 100 if rate else 0}
    keys |= {"dose": 100 * rate, "chosen": chosen, "error": ""}
    rows = [{"measure": "dev", "task": task, "language": "python", "value": value} for task, value in dev.items()]
    for task, value in dev.items():
        tested = {"go": value - 0.1, "c": value - 0.3 if arm != "none" else value - 0.2, "javascript": 0.99}
        rows += [{"measure": "test", "task": task, "language": name, "value": got} for name, got in tested.items()]
    rows.append({"measure": "held_out_loss", "task": "mlm-english", "language": "", "value": loss})
    return [keys | row for row in rows]


TRIALS = pd.DataFrame(
    [
        *trial("none", 0.0, True, {"match": 0.5, "tags": 0.8}, 2.0),
        *trial("cloze", 1e-4, True, {"match": 0.54, "tags": 0.82}, 2.25),
        *trial("cloze", 1e-3, False, {"match": 0.60, "tags": 0.50}, 4.0),
        *trial("pos", 1e-4, False, {"match": 0.51, "tags": 0.81}, 2.125),
        *trial("pos", 1e-3, True, {"match": 0.52, "tags": 0.84}, 3.0),
    ]
)


@pytest.fixture
def tables(design: Design) -> DoseTables:
    return dose_tables(TRIALS, design)


def effect(tables: DoseTables, arm: str, rate: float, measure: str, scope: str = ALL_GROUPS) -> float:
    table = tables.effects.query("arm == @arm and learning_rate == @rate and measure == @measure and scope == @scope")
    return float(table["effect"].item())


def test_effects_are_differences_from_none_by_hand(tables: DoseTables) -> None:
    """cloze at 1e-3: match +10, tags -30, and .1 less than that in C. JavaScript is seen, so it does not count."""
    assert effect(tables, "cloze", 1e-3, "dev", "classification") == pytest.approx(10)
    assert effect(tables, "cloze", 1e-3, "dev", "structured") == pytest.approx(-30)
    assert effect(tables, "cloze", 1e-3, "dev") == pytest.approx(-10)
    assert effect(tables, "cloze", 1e-3, "test", "classification") == pytest.approx((10 + 0) / 2)
    assert effect(tables, "cloze", 1e-3, "test") == pytest.approx((5 - 35) / 2)


def test_a_fixed_rate_says_something_else_than_the_chosen_ones(tables: DoseTables) -> None:
    """Code minus English on dev: +2 at 1e-4, -13 at 1e-3, and each at its own rate 3 - 3 = 0."""
    found = tables.fixed.query("measure == 'dev' and scope == @ALL_GROUPS").set_index("learning_rate")
    assert list(found.index) == ["0.0001", "0.001", "its own"]
    assert found["code"].tolist() == pytest.approx([3, -10, 3])
    assert found["english"].tolist() == pytest.approx([1, 3, 3])
    assert found["difference"].tolist() == pytest.approx([2, -13, 0])


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        (TRIALS, True),
        (TRIALS[(TRIALS["arm"] != "pos") | (TRIALS["learning_rate"] != 1e-4)], False),  # a trial has failed
        (
            TRIALS.replace({"learning_rate": {1e-3: 3e-3}}).where(TRIALS["arm"] == "pos", TRIALS),
            False,
        ),  # rates of its own
        (TRIALS[TRIALS["arm"] != "pos"], True),
    ],
)
def test_lines_of_fixed_rates_are_about_the_same_arms(trials: pd.DataFrame, expected: bool, design: Design) -> None:
    effects = dose_tables(trials, design).effects
    assert have_all_rates(effects[effects["scope"] == ALL_GROUPS], design) is expected


def test_forgetting_is_the_rise_of_the_loss_over_that_of_the_published_encoder(tables: DoseTables) -> None:
    assert tables.losses["before"].tolist() == [2.0] * 4
    assert tables.losses["change"].tolist() == [0.25, 2.0, 0.125, 1.0]


def test_arms_are_counted_that_chose_an_end_of_their_rates() -> None:
    """cloze chose the lower of two rates, pos the higher, qa the middle of three; one rate alone is no choice."""
    others = [(1e-4, False), (3e-4, True), (1e-3, False)]
    more = [row for rate, chosen in others for row in trial("qa", rate, chosen, {"match": 0.5})]
    doses = pd.concat([TRIALS, pd.DataFrame([*more, *trial("alone", 1e-3, True, {"match": 0.5})])])
    assert chosen_ends(doses) == ChosenEnds(arms=3, lowest=1, highest=1)
    assert chosen_ends(doses[doses["arm"] == "none"]) == ChosenEnds(0, 0, 0)


def test_the_lowest_loss_on_held_out_texts_is_named_with_its_arm(tables: DoseTables) -> None:
    assert text_losses(tables.losses) == [TextLoss("mlm-english", before=2.0, lowest=2.125, arm="pos")]
    assert text_losses(tables.losses.assign(after=float("nan"))) == []


def generated(arm: str, rate: float, task: str, right: dict[str, float], cut: float = 0.25) -> list[dict]:
    """The rows of generated texts of a trial: the share in the right language by language, and the share cut in all.

    A fifth of what is not in the right language is in another one.
    """
    keys = {"encoder": "tiny", "arm": arm, "seed": 0, "learning_rate": rate, "steps": 100 if rate else 0}
    keys |= {"dose": 100 * rate, "chosen": rate == 1e-4, "error": "", "task": task}
    values = [("right_language", name, value) for name, value in right.items()]
    values += [("other_language", name, (1 - value) / 5) for name, value in right.items()]
    values += [("cut", name, cut) for name in right]
    return [keys | {"measure": measure, "language": name, "value": value} for measure, name, value in values]


GENERATED = pd.DataFrame(
    [
        *generated("none", 0.0, "match", {"go": 0.5, "c": 0.7, "python": 1.0}),
        *generated("cloze", 1e-4, "match", {"go": 0.9, "c": 0.8, "python": 1.0}),
        *generated("cloze", 1e-3, "match", {"go": 0.0, "c": 0.2, "javascript": 1.0}, cut=0.5),
        *generated("cloze", 1e-3, "tags", {"go": 0.5, "c": 0.5}, cut=0.0),
    ]
)


@pytest.fixture
def generating(design: Design) -> DoseTables:
    return dose_tables(pd.concat([TRIALS, GENERATED], ignore_index=True), design)


def test_shares_in_the_wrong_language_by_hand(generating: DoseTables, tables: DoseTables) -> None:
    """Unseen languages only; languages first (100, 80: 90), then groups (match 90 and tags 50: 70). Effects stay.

    Of these 70 % that are not in the right language, a fifth is wrong and the rest unknown.
    """
    found = generating.shares.query("scope == @ALL_GROUPS").set_index(["arm", "learning_rate", "measure"])["share"]
    assert found["none", 0.0, "wrong_language"] == pytest.approx(40 / 5)
    assert found["none", 0.0, "cut"] == pytest.approx(25)
    assert found["cloze", 1e-4, "unknown_language"] == pytest.approx(15 * 4 / 5)
    assert found["cloze", 1e-3, "wrong_language"] == pytest.approx(70 / 5)
    assert found["cloze", 1e-3, "unknown_language"] == pytest.approx(70 * 4 / 5)
    assert found["cloze", 1e-3, "cut"] == pytest.approx((50 + 0) / 2)
    alone = generating.shares.query("scope == 'classification' and learning_rate == 1e-3 and measure != 'cut'")
    assert dict(zip(alone["measure"], alone["share"], strict=True)) == {
        "wrong_language": pytest.approx(90 / 5),
        "unknown_language": pytest.approx(90 * 4 / 5),
    }
    assert generating.effects.equals(tables.effects) and tables.shares.empty

    trials = by_trial(generating, ALL_GROUPS)
    assert trials["arm"].tolist() == ["none", "cloze", "cloze", "pos", "pos"]
    assert trials["wrong_language"].tolist() == pytest.approx([8, 3, 14, math.nan, math.nan], nan_ok=True)
    assert trials["unknown_language"].tolist() == pytest.approx([32, 12, 56, math.nan, math.nan], nan_ok=True)
    assert "wrong_language" not in by_trial(tables, ALL_GROUPS)


def test_the_figure_has_the_shares_in_the_wrong_language_with_that_of_none(generating: DoseTables) -> None:
    figures.style()
    panels = {axes.get_title("left"): axes for axes in dose_figure(generating, ALL_GROUPS, "unseen").axes}
    for title, part in (("wrong", 1 / 5), ("unknown", 4 / 5)):
        line, points, ring = panels[f"{title} language: unseen languages, test"].lines[:3]
        assert list(line.get_ydata()) == pytest.approx([40 * part, 40 * part])
        assert list(points.get_ydata()) == pytest.approx([15 * part, 70 * part])
        assert list(ring.get_ydata()) == pytest.approx([15 * part])


def test_a_scope_without_trials_has_no_rows(tables: DoseTables) -> None:
    nothing = by_trial(tables, "all xtreme")
    assert nothing.empty and list(nothing) == ["family", *KEYS]  # a table without columns is no CSV to most readers


def test_a_row_a_trial_begins_with_none(tables: DoseTables) -> None:
    table = by_trial(tables, ALL_GROUPS)
    assert table["arm"].tolist() == ["none", "cloze", "cloze", "pos", "pos"]
    assert table["dev"].tolist() == pytest.approx([0, 3, -10, 1, 3])
    assert table["mlm-english"].tolist() == ["2.00", "2.25", "4.00", "2.12", "3.00"]


def test_an_encoder_without_a_head_has_no_number(design: Design) -> None:
    headless = TRIALS.assign(value=TRIALS["value"].where(TRIALS["measure"] != "held_out_loss"))
    tables = dose_tables(headless, design)
    assert set(by_trial(tables, ALL_GROUPS)["mlm-english"]) == {"no head"}
    figures.style()
    titles = [axes.get_title("left") for axes in dose_figure(tables, ALL_GROUPS, "unseen").axes]
    assert titles[:2] == ["source language, dev", "unseen languages, test"] and not any("forget" in x for x in titles)


def test_a_failed_trial_has_no_effect_but_its_error(design: Design) -> None:
    keys = {"encoder": "tiny", "arm": "pos", "seed": 0, "learning_rate": 1.0, "steps": 0, "dose": 0.0, "chosen": False}
    failed = pd.DataFrame([{**keys, "measure": "failed", "error": "the loss is nan"}])
    tables = dose_tables(pd.concat([TRIALS, failed]), design)
    assert 1.0 not in set(tables.effects["learning_rate"])
    assert tables.failed.to_dict("records") == [{"arm": "pos", "learning_rate": 1.0, "error": "the loss is nan"}]


def test_the_figure_has_every_trial_and_a_ring_at_the_chosen_dose(tables: DoseTables) -> None:
    figures.style()
    figure = dose_figure(tables, ALL_GROUPS, "unseen")
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title("left") for axes in shown] == [
        "source language, dev",
        "unseen languages, test",
        "forgetting: mlm-english",
    ]
    lines = [line for line in shown[0].lines if len(line.get_xdata()) == 2 and line.get_marker() != "None"]
    assert [list(line.get_xdata()) for line in lines] == [pytest.approx([1e-2, 1e-1])] * 2
    rings = [line for line in shown[0].lines if line.get_markerfacecolor() == "none"]
    assert [(*line.get_xdata(), *line.get_ydata()) for line in rings] == [
        pytest.approx((1e-2, 3)),
        pytest.approx((1e-1, 3)),
    ]


def test_the_page_says_what_a_fixed_dose_would_have_said(results, tmp_path) -> None:
    html = page(results)
    assert 'id="doses"' not in html
    for path in results.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    write_csv(pd.concat([TRIALS, GENERATED]), tmp_path / "doses.csv")
    assert read_csv(tmp_path / "doses.csv")["chosen"].dtype == bool
    figure = tmp_path / "figures/tiny/doses.svg"
    figure.parent.mkdir(parents=True)
    figure.write_text('<svg width="1pt" viewBox="0 0 1 1"><text>1</text></svg>')
    html = page(tmp_path, replace(SETTINGS, doses=True))
    assert "Shares of generated texts in the wrong language" in html and "Forgetting: how much" in html
    assert "<dt>hours of training, without trials</dt>" in html and "and trials of learning rates cannot" in html
    assert "Of 2 arms, 1 chose the lowest and 1 the highest of their learning rates." in html
    assert "The seed of the trials (0) is also one of the 3 seeds" in html and "mlm-english 2.00, 2.12 (pos)" in html
    assert 'id="doses"' in html and "with one learning rate for all arms" in html
    assert '<td class="n">1e-3</td><td class="n">−10.0</td><td class="n">+3.0</td><td class="n">−13.0</td>' in html
    assert "shares of the generated texts in the wrong language" in html
    assert '<td class="n">14.0</td><td class="n">56.0</td><td class="n">25.0</td><td class="n">4.00</td>' in html
    write_csv(TRIALS[TRIALS["measure"] != "held_out_loss"], tmp_path / "doses.csv")
    html = page(tmp_path, replace(SETTINGS, doses=True))
    assert 'id="figure-tiny-doses"' in html and "generated texts in the wrong" not in html and "Forgetting:" not in html
