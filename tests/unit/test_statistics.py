"""Bootstrap and contrasts on scores whose truth is known."""

import numpy as np
import pandas as pd
import pytest
import synthetic

from codestilts.config.analysis_settings import SimilaritySettings
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.language_similarity import similarity_table
from codestilts.evaluation.metrics.registry import row_sums, value
from codestilts.evaluation.scoring import tidy, unit_sums, values
from codestilts.evaluation.statistics import crossed_t
from codestilts.evaluation.statistics.bootstrap import estimate
from codestilts.evaluation.statistics.contrasts import contrasts, verdict
from codestilts.evaluation.statistics.crossed_t import Estimate
from codestilts.evaluation.statistics.design import Design, design_of
from codestilts.evaluation.statistics.effects import Side, effects
from codestilts.evaluation.statistics.means import mean_over
from codestilts.evaluation.statistics.resampling import resample
from codestilts.evaluation.statistics.target_checks import counts, target_checks
from codestilts.evaluation.statistics.verdicts import equivalence

CODE, ENGLISH = Side("code", "family", []), Side("english", "family", [])


@pytest.fixture(scope="module")
def sums() -> pd.DataFrame:
    return synthetic.sums()


@pytest.fixture(scope="module")
def design() -> Design:
    return design_of(synthetic.SETTINGS, synthetic.language_rows(), "tiny")


@pytest.fixture(scope="module")
def scores(sums: pd.DataFrame):
    return resample(sums, 300, 0)


def test_observed_scores_are_those_of_the_table(scores, sums: pd.DataFrame):
    table = values(sums)
    pick = table[(table["arm"] == "pos") & (table["target"] == "tags") & (table["language"] == "go")]
    found = estimate(scores, mean_over(scores, ["pos"], [["tags"]], ["go"]))
    assert found.by_seed == pytest.approx((100 * pick.sort_values("seed")["value"]).tolist())
    assert found.value == pytest.approx(np.mean(found.by_seed))
    assert found.low < found.value < found.high


def test_the_same_seed_gives_the_same_draws(scores, sums: pd.DataFrame):
    again = resample(sums.sample(frac=1, random_state=1), 300, 0)
    assert np.allclose(scores.draws, again.draws)
    assert not np.allclose(scores.draws, resample(sums, 300, 1).draws)


def test_the_primary_contrast_finds_the_lift(scores, design):
    table = contrasts(scores, design)
    primary = table.iloc[0]
    assert (primary["role"], primary["language_set"], primary["languages"]) == ("primary", "unseen", 3)
    assert primary["low"] < 3 < primary["high"]
    assert primary["low"] > 0
    assert 0 < primary["p"] < 0.05
    assert set(table["role"]) == {
        "primary", "sensitivity", "group", "language set", "language", "cell", "reference", "gain", "control",
        "leave one out",
    }  # fmt: skip


def test_the_primary_contrast_is_a_mean_of_means(scores, design, sums: pd.DataFrame):
    table = tidy(values(sums), synthetic.SETTINGS)
    table = table[table["zero_shot"] & ~table["seen"] & table["family"].isin(["code", "english"])]
    by_target = table.groupby(["family", "group", "target", "language"])["value"].mean().groupby(level=[0, 1, 2]).mean()
    by_family = by_target.groupby(level=[0, 1]).mean().groupby(level=0).mean()
    expected = 100 * (by_family["code"] - by_family["english"])
    assert contrasts(scores, design)["difference"][0] == pytest.approx(expected)


def test_effects_cover_arms_scopes_and_language_sets(scores, design):
    table = effects(scores, design)
    assert "none" not in set(table["arm"])
    assert set(table.loc[table["kind"] == "family", "arm"]) == {"code", "english"}
    assert {"cloze", "mlm-code", "all-multi"} <= set(table.loc[table["kind"] == "arm", "arm"])
    assert {"match", "classification", "all groups"} <= set(table["scope"])
    assert {"source", "unseen", "seen", "near", "far", "zero_shot", "go"} <= set(table["language_set"])
    assert not table["effect"].isna().any()
    assert "parallel" not in set(table.loc[table["language_set"] == "source", "scope"])


def test_checks_compare_with_baselines_and_random_weights(scores, design):
    table = target_checks(scores, design).set_index(["target", "rival"])
    assert table.loc[("tags", "baseline:majority"), "passed"]
    assert table.loc[("tags", "baseline:majority"), "languages"] == "python"
    assert table.loc[("parallel", "random"), "languages"] == "all"


def test_counts_mark_few_examples(scores, design):
    table = counts(scores, design)
    assert table["few"].all()
    assert (table["examples"] == 120).all()
    assert (table["units"] == 60).all()


def test_a_missing_seed_is_an_error(sums: pd.DataFrame):
    gap = sums[~((sums["arm"] == "pos") & (sums["seed"] == 1) & (sums["target"] == "tags"))]
    with pytest.raises(CodeStiltsError, match=r"'pos'.*tags, c.*seed 1"):
        resample(gap, 10, 0)


def test_a_score_that_is_not_a_number_is_an_error(sums: pd.DataFrame):
    wrong = sums.assign(numerator=sums["numerator"].mask(sums.index == 3))
    with pytest.raises(CodeStiltsError, match="one is not a number: predict and score again"):
        resample(wrong, 0, 0)


def test_intervals_cover_the_truth():
    """Three seeds with a random effect each and 40 units: about 95 of 100 intervals hold the true
    difference.
    """
    rng = np.random.default_rng(7)
    index = pd.MultiIndex.from_product([range(40), range(3), ["a", "b"]], names=["unit", "seed", "arm"])
    frame = index.to_frame(index=False).assign(encoder="e", target="t", language="go", label="", denominator=1.0, n=1)
    frame["family"], frame["unit"] = "code", frame["unit"].astype(str)
    hits, tries = 0, 150
    for _ in range(tries):
        lift, base = rng.normal(0, 0.03, size=3), rng.normal(0.5, 0.1, size=40)
        frame["numerator"] = np.repeat(base, 6) + lift[frame["seed"]] * (frame["arm"] == "b")
        found = resample(frame, 200, 0)
        difference = mean_over(found, ["b"], [["t"]], ["go"]) - mean_over(found, ["a"], [["t"]], ["go"])
        interval = estimate(found, difference)
        hits += interval.low <= 0 <= interval.high
    assert 0.89 <= hits / tries <= 0.995


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (5.5, 9, "code is better than English"),
        (1, 4, "code is better than English, by less than 5 points"),
        (4, 9, "code is better than English, perhaps by less than 5 points"),
        (5, 9, "code is better than English, perhaps by less than 5 points"),
        (-9, -5.5, "code is worse than English"),
        (-4, -1, "code is worse than English, by less than 5 points"),
        (-9, -4, "code is worse than English, perhaps by less than 5 points"),
        (-1, 4, "no difference of 5 points or more (equivalence at .025 a side)"),
        (0, 4, "no difference of 5 points or more (equivalence at .025 a side)"),
        (-1, 5, "undecided: zero and a difference of 5 points or more are both possible"),
    ],
)
def test_verdicts_in_words(low: float, high: float, words: str):
    found = Estimate((low + high) / 2, low, high, 0.5, (1.0, 2.0))
    assert verdict(found, CODE, ENGLISH, 5.0) == words


@pytest.mark.parametrize(("confidence", "alpha"), [(0.95, ".025"), (0.9, ".05"), (0.8, ".1"), (0.9999, ".00005")])
def test_equivalence_names_its_error(confidence: float, alpha: str):
    assert equivalence(1.0, confidence) == f"no difference of 1 point or more (equivalence at {alpha} a side)"


def test_no_interval_no_verdict():
    found = Estimate(3.0, np.nan, np.nan, np.nan, (3.0,), "one seed")
    assert verdict(found, CODE, ENGLISH, 1.0) == "no verdict: one seed"


def test_unit_sums_leave_out_dev_rows():
    rows = {
        "id": ["0", "1"],
        "unit": ["x", "x"],
        "split": ["test", "dev"],
        "gold": ["a", "a"],
        "prediction": ["a", "b"],
    }
    frame = pd.DataFrame({**rows, "encoder": "e", "arm": "none", "target": "t", "seed": 0, "language": "go"})
    table = unit_sums(frame, "accuracy")
    assert table[["numerator", "denominator", "n"]].to_numpy().tolist() == [[1.0, 1.0, 1]]
    with pytest.raises(CodeStiltsError, match="no test rows"):
        unit_sums(frame[frame["split"] == "dev"], "accuracy")


def test_arms_that_share_a_targets_data_can_be_left_out_of_its_mean():
    overlaps = {"code-multi": ("match",), "pos": ("tags",), "english-multi": ("tags",)}
    settings = synthetic.with_arms({arm: {"overlaps": targets} for arm, targets in overlaps.items()})
    scores = resample(synthetic.sums(), 200, 0)
    design = design_of(settings, synthetic.language_rows(), "tiny")
    table = contrasts(scores, design).set_index("role")
    row = table.loc["no overlap"]
    languages = design.language_sets["unseen"]
    # Nothing is left to compare on tags; on match the code family has one arm.
    match = mean_over(scores, ["cloze"], [["match"]], languages)
    other = mean_over(scores, ["pos", "english-multi"], [["match"]], languages)
    code, english = (
        mean_over(scores, design.arms_of(family), [["search", "parallel"]], languages) for family in ("code", "english")
    )
    expected = crossed_t.estimate(scores, (match - other + code - english) / 2)
    assert row["difference"] == pytest.approx(expected.value) and row["low"] == pytest.approx(expected.low)
    assert row["difference"] != table.loc["primary", "difference"]
    found = effects(scores, design).set_index(["arm", "scope", "language_set"])["overlaps"]
    assert found["code-multi", "match", "unseen"] and not found["cloze", "match", "unseen"]
    table = tidy(values(synthetic.sums()), settings)
    assert table.loc[table["overlaps"], ["arm", "target"]].drop_duplicates().to_numpy().tolist() == [
        ["code-multi", "match"], ["english-multi", "tags"], ["pos", "tags"]
    ]  # fmt: skip


def test_a_macro_average_is_resampled_as_it_is_computed():
    rng = np.random.default_rng(3)
    tags = np.array(["dp|math", "math", "greedy", "dp", ""])
    runs = pd.MultiIndex.from_product([["none", "a"], range(2), range(60)], names=["arm", "seed", "id"])
    frame = runs.to_frame(index=False).assign(encoder="e", target="t", language="go", split="test")
    frame["unit"] = (frame["id"] // 5).astype(str)
    frame["gold"] = tags[rng.integers(0, 5, 60)][frame["id"]]
    frame["prediction"] = tags[rng.integers(0, 5, len(frame))]
    sums = unit_sums(frame, "macro_f1")
    found = resample(sums.assign(family="code"), 50, 0)
    for (arm, seed), rows in frame.groupby(["arm", "seed"]):
        expected = 100 * value(row_sums(rows, "macro_f1"))
        assert found.by_seed[found.arms.index(arm), seed] == pytest.approx(expected)
    table = values(sums).set_index(["arm", "seed"])
    assert table["n"].eq(60).all() and found.examples[0, 0] == 60
    assert 100 * table.loc["a", "value"].mean() == pytest.approx(found.draws[found.arms.index("a"), 0])
    assert found.draws[:, 1:].std(axis=1).min() > 0


def test_languages_are_ordered_by_shared_tokens():
    functions = {"python": [["def", "x", ":"]], "ruby": [["def", "x", "end"]], "c": [["int", "x", "{"]]}
    table = similarity_table(functions.items(), SimilaritySettings("python", ("c",)))
    assert table["language"].tolist() == ["python", "ruby", "c"]
    assert table["similarity"].tolist() == pytest.approx([1, 2 / 3, 1 / 3])
    assert table["near"].tolist() == [True, True, False]
    assert table["seen"].tolist() == [False, False, True]
    assert table["functions"].tolist() == [1, 1, 1]
    assert similarity_table([("c", functions["c"])], SimilaritySettings("python", ())).empty
