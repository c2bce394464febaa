"""Rankings of intermediate tasks: regret by hand, NDCG by its formula, what ties and missing values do."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import report_study
from report_study import SETTINGS, page
from scipy import stats

from codestilts.csv_tables import read_csv, write_csv
from codestilts.evaluation.task_rankings import MEASURES, judged, measured_scores, ndcg, regret, summary
from codestilts.reporting import figures
from codestilts.reporting.ranking_figure import ranking_figure
from codestilts.reporting.transferability import ranking_tables

results = report_study.results  # a fixture

SCORES = np.array([50.0, 40.0, 45.0, 30.0])


@pytest.mark.parametrize(
    ("predicted", "k", "expected"),
    [
        ([4, 3, 2, 1], 1, 0.0),
        ([1, 3, 2, 4], 1, 40.0),  # (50 - 30) / 50
        ([1, 3, 2, 4], 3, 10.0),  # the first three reach 45
        ([1, 2, 2, 1], 1, 15.0),  # 40 or 45, each with probability 1/2
        ([0, 1, 0, 0], 3, 100 * (50 - (50 + 50 + 45) / 3) / 50),  # 40, and two of 50, 45, 30
        ([0, 0, 0, 0], 1, 100 * (50 - 41.25) / 50),
        ([4, 3, 2, 1], 9, 0.0),
    ],
    ids=["best", "worst", "three", "tie", "tie for two places", "random", "k above all"],
)
def test_regret_by_hand(predicted: list[float], k: int, expected: float) -> None:
    assert regret(SCORES, np.array(predicted), k) == pytest.approx(expected)


def test_ndcg_is_the_sum_of_discounted_gains() -> None:
    """Jarvelin and Kekalainen 2002: gains over log2(1 + rank), divided by the same sum of the best order."""
    gained = (0 + 20 / np.log2(3) + 15 / 2 + 10 / np.log2(5)) / (20 + 15 / np.log2(3) + 10 / 2)
    assert ndcg(SCORES, np.array([3.0, 1.0, 2.0, 4.0])) == pytest.approx(gained)
    assert ndcg(SCORES, SCORES) == pytest.approx(1)
    assert np.isnan(ndcg(np.ones(3), np.arange(3)))


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions for three arms and two targets, and the effects, among them those of other kinds."""
    predicted = pd.DataFrame(
        {
            "arm": ["a", "b", "c"] * 2,
            "target": ["x"] * 3 + ["y"] * 3,
            "log_me": [3.0, 2.0, 1.0, 1.0, 2.0, np.nan],
            "similarity": [0.1, 0.2, 0.3, 0.3, 0.2, 0.1],
            "size": [10, 10, 10] * 2,
            "same_form": [True, False, False, False, False, True],
            "same_domain": [False, True, True] * 2,
        }
    )
    effects = predicted[["arm", "target"]].rename(columns={"target": "scope"})
    effects = effects.assign(language_set="zero_shot", scope_kind="target", kind="arm", none=40.0)
    effects["effect"] = [10.0, 0.0, 5.0, -10.0, 0.0, 10.0]
    others = [effects.assign(language_set="unseen"), effects.assign(kind="family"), effects.assign(scope_kind="group")]
    return predicted, pd.concat([*(other.assign(effect=99.0) for other in others), effects], ignore_index=True)


def test_every_ranking_is_judged_by_the_effects_on_zero_shot_languages() -> None:
    table = judged(measured_scores(*tables())).set_index(["target", "ranking"])
    own = table.loc[("x", "log_me")]
    assert (own["first"], own["best"], own["regret_1"]) == ("a", "a", 0)
    assert own["ndcg"] == pytest.approx((10 + 0 + 5 / 2) / (10 + 5 / np.log2(3)))
    assert table.loc[("x", "similarity"), "regret_1"] == pytest.approx(10.0)  # 45 of 50
    assert table.loc[("y", "same_form"), "regret_1"] == 0
    assert table.loc[("x", "same_domain"), "first"] == "b c"
    assert table.loc[("x", "size"), "regret_1"] == table.loc[("x", "random"), "regret_1"] == pytest.approx(10.0)
    assert ("y", "log_me") not in table.index, "one of its tasks has no value"


def test_an_arm_without_an_effect_is_not_ranked() -> None:
    predicted, effects = tables()
    table = judged(measured_scores(predicted, effects[~((effects["arm"] == "a") & (effects["scope"] == "x"))]))
    assert set(table.loc[table["target"] == "x", "tasks"]) == {2}


def test_intervals_are_students_t_over_targets() -> None:
    table = judged(measured_scores(*tables()))
    found = summary(table, 0.9).set_index("ranking")
    by_target = table.pivot(index="target", columns="ranking", values="regret_1")
    differences = (by_target["same_form"] - by_target["random"]).to_numpy()
    low, high = stats.ttest_1samp(differences, 0).confidence_interval(0.9)
    row = found.loc["same_form"]
    assert [row["regret_1_difference"], row["regret_1_low"], row["regret_1_high"]] == pytest.approx(
        [differences.mean(), low, high]
    )
    assert found.loc["log_me", "targets"] == 1 and np.isnan(found.loc["log_me", "regret_1_low"])
    assert np.isnan(found.loc["random", "ndcg_difference"])


def test_the_figure_has_a_panel_for_each_measure_with_every_target_and_the_means() -> None:
    found = ranking_tables(*tables(), 0.9)
    figure = ranking_figure(found)
    figures.plt.close(figure)
    for axes, measure in zip(figure.axes, MEASURES, strict=True):
        level, targets, means = axes.lines
        assert level.get_xdata()[0] == pytest.approx(found.rankings.set_index("ranking").loc["random", measure])
        assert list(targets.get_xdata()) == list(found.choices[measure])
        assert list(means.get_xdata()) == list(found.rankings[measure])
    names = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert names == ["LogME", "similar texts", "largest set", "same form", "same domain", "random order"]


def test_the_page_shows_which_task_each_ranking_would_have_chosen(results: Path, tmp_path: Path) -> None:
    """In the synthetic study, pos is ranked before cloze for both targets."""
    folder = tmp_path / "results"
    shutil.copytree(results, folder)
    row = {"encoder": "tiny", "seed": 0, "rows": 9, "size": 7, "same_form": False, "same_domain": False}
    both = [(arm, target) for arm in ("cloze", "pos") for target in ("match", "tags")]
    rows = [row | {"arm": arm, "target": target, "log_me": arm == "pos", "similarity": 0.5} for arm, target in both]
    write_csv(pd.DataFrame(rows).astype({"log_me": float}), folder / "transferability.csv")
    html = page(folder, replace(SETTINGS, transferability=300))
    assert "Choosing an intermediate task</h2>" in html and "from 300" in html
    effects = read_csv(folder / "effects.csv")
    found = ranking_tables(read_csv(folder / "transferability.csv"), effects[effects["encoder"] == "tiny"], 0.95)
    (chosen,) = found.choices.query("target == 'tags' and ranking == 'log_me'").to_dict("records")
    assert chosen["first"] == "pos"
    cells = f"<td>LogME</td><td>pos</td><td>{chosen['best']}</td>"
    assert f'<th scope="row">tags</th>{cells}<td class="n">{chosen["regret_1"]:.2f}</td>' in html
    assert 'id="transferability"' not in page(folder)
