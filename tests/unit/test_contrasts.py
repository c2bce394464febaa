"""Contrasts of domains at equal form, and what stands beside them, on a study that can be worked out by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import synthetic

from codestilts.config.analysis_settings import ComparedArm, ComparedTarget, ComparisonSettings
from codestilts.evaluation.statistics.contrasts import contrasts, corrected
from codestilts.evaluation.statistics.design import design_of
from codestilts.evaluation.statistics.resampling import resample
from codestilts.evaluation.statistics.target_checks import failed_targets, target_checks

ARMS = {
    "none": ComparedArm("baseline"),
    "code-cloze": ComparedArm("code", form="cloze", domain="code"),
    "code-span": ComparedArm("code", form="span", domain="code", near=("qa",)),
    "english-cloze": ComparedArm("english", form="cloze", domain="english"),
    "english-span": ComparedArm("english", form="span", domain="english"),
    "docs-cloze": ComparedArm("docs", form="cloze", domain="docs"),
    "code-multi": ComparedArm("code", domain="code", mixture=True),
    "english-multi": ComparedArm("english", domain="english", mixture=True),
    "shuffled": ComparedArm("control", controls_for=("code",)),
}
TARGETS = {
    "match": ComparedTarget("accuracy", "classification", "pl", "python", form="pair"),
    "qa": ComparedTarget("f1", "qa", "pl", "python", form="span"),
    "search": ComparedTarget("mrr", "retrieval", "pl", "python", form="retrieval"),
}
# Points above none on match, qa and search, in every language.
LIFTS = {
    "none": (0, 0, 0),
    "code-cloze": (3, 1, 2),
    "code-span": (0, 9, 4),
    "english-cloze": (1, 2, 2),
    "english-span": (1, 5, 1),
    "docs-cloze": (1, 1, 1),
    "code-multi": (4, 4, 4),
    "english-multi": (3, 3, 3),
    "shuffled": (0, 0, 0),
}
SETTINGS = replace(
    synthetic.SETTINGS, arms=ARMS, targets=TARGETS, languages=("c", "go", "python"), seen_languages=("python",)
)
LANGUAGES = pd.DataFrame({"language": ["c", "go", "python"], "near": [True, False, True]})
UNITS, SEEDS = 20, 3


def sums(arms: tuple[str, ...] = tuple(ARMS)) -> pd.DataFrame:
    """Sums with these lifts exactly; what varies between units has a mean of zero."""
    rng, tables = np.random.default_rng(0), []
    for arm in arms:
        for target, lift in zip(TARGETS, LIFTS[arm], strict=True):
            for language in ("c", "go"):
                luck = rng.normal(0, 1, (SEEDS, UNITS))
                luck -= luck.mean()
                index = pd.MultiIndex.from_product([range(SEEDS), range(UNITS)], names=["seed", "unit"])
                table = index.to_frame(index=False).assign(numerator=(50 + lift + luck.ravel()) / 100, arm=arm)
                tables.append(table.assign(target=target, language=language, family=ARMS[arm].family))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(unit="u" + table["unit"].astype(str), denominator=1.0, n=1, label="")


def table_of(settings: ComparisonSettings = SETTINGS, arms: tuple[str, ...] = tuple(ARMS)) -> pd.DataFrame:
    return contrasts(resample(sums(arms), 200, 0), design_of(settings, LANGUAGES, "tiny"))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return table_of()


def test_the_primary_contrast_is_the_mean_over_forms_without_near_targets(table: pd.DataFrame):
    # cloze: 2, -1 and 0; span: -1 and 3, as qa is near to the code task.
    row = table.iloc[0]
    assert row[["role", "plus", "plus_kind", "minus", "minus_kind"]].tolist() == [
        "primary", "code", "domain", "english", "domain"
    ]  # fmt: skip
    assert row["difference"] == pytest.approx((1 / 3 + 1) / 2) and row["near"] == "left out"
    assert (row["targets"], row["languages"], row["cells"], row["method"]) == (3, 2, 6, "crossed_t")
    # Each cell of match and search has 1/12 + 1/8 of the weight, each of qa 1/12.
    assert row["effective_cells"] == pytest.approx(576 / 108) and row["largest_weight"] == pytest.approx(5 / 24)
    assert row["low"] < row["difference"] < row["high"] and row["units"] == UNITS
    forms = table[table["role"] == "form"].set_index("form")["difference"]
    assert forms.to_dict() == pytest.approx({"cloze": 1 / 3, "span": 1.0})
    kept = table[(table["role"] == "sensitivity") & (table["near"] == "kept")]
    assert kept["difference"].tolist() == pytest.approx([(1 / 3 + 2) / 2])


def test_near_and_far_languages_are_unseen_ones() -> None:
    """C is near, and a code task trains on it: it is no evidence about languages that are new to both sides."""
    settings = replace(SETTINGS, seen_languages=("python", "c"))
    sets = design_of(settings, LANGUAGES.assign(near=[True, False, True]), "tiny").language_sets
    assert (sets["unseen"], sets["near"], sets["far"]) == (["go"], [], ["go"])
    sets = design_of(replace(SETTINGS, seen_languages=("python",)), LANGUAGES, "tiny").language_sets
    assert (sets["unseen"], sets["near"], sets["far"]) == (["c", "go"], ["c"], ["go"])


def test_gains_over_none_are_those_of_the_same_cells(table: pd.DataFrame):
    gains = table[table["role"] == "reference"].set_index("plus")["difference"]
    assert gains.to_dict() == pytest.approx({"code": 2.0, "english": (5 / 3 + 1) / 2})
    assert gains["code"] - gains["english"] == pytest.approx(table["difference"][0])
    others = table[table["role"] == "gain"].set_index(["plus", "plus_kind"])["difference"]
    assert others["code", "mixture"] == pytest.approx(4) and others["docs", "family"] == pytest.approx(1)
    assert others["code", "family"] == pytest.approx(np.mean([2, 13 / 3, 4]))
    control = table[table["role"] == "control"].iloc[0]
    assert (control["minus"], control["difference"]) == ("shuffled", pytest.approx(np.mean([2, 13 / 3, 4])))


def test_documentation_mixtures_and_forms(table: pd.DataFrame):
    docs = table[table["role"] == "docs"].set_index(["plus", "minus"])["difference"]
    assert docs.to_dict() == pytest.approx({("code", "docs"): 1.0, ("docs", "english"): -2 / 3})
    mixture = table[table["role"] == "mixture"].iloc[0]
    assert (mixture["plus"], mixture["plus_kind"], mixture["difference"]) == ("code", "mixture", pytest.approx(1.0))
    # On qa the English span task is 3 above the English cloze; that of code is near, and 8 above its cloze. Without it
    # English alone is left, so there is no row of both domains.
    own = table[table["role"] == "own form"].set_index(["near", "plus"])["difference"].to_dict()
    assert own == pytest.approx(
        {
            ("left out", "english"): 3.0,
            ("kept", "code"): 8.0,
            ("kept", "english"): 3.0,
            ("kept", "both"): 5.5,
        }
    )
    interaction = table[table["role"] == "interaction"]
    assert interaction["near"].tolist() == ["kept"] and interaction["difference"].tolist() == pytest.approx([5.0])


def test_one_group_language_or_form_is_left_out(table: pd.DataFrame):
    # Without retrieval: (2 - 1) / 2 and -1.
    rows = table[table["role"] == "leave one out"].set_index(["left_out_kind", "left_out"])["difference"].to_dict()
    expected = {("group", "classification"): 1.25, ("group", "qa"): 1.0, ("group", "retrieval"): -0.25}
    expected |= {("form", "cloze"): 1.0, ("form", "span"): 1 / 3, ("language", "c"): 2 / 3, ("language", "go"): 2 / 3}
    assert rows == pytest.approx(expected)


def test_the_primary_contrast_is_given_without_targets_that_fail_their_checks():
    """Random weights are 1 point better than none on qa, and 8 worse on the other targets: qa is not learnt."""
    arms, table = ARMS | {"random": ComparedArm("control", init="random")}, sums()
    rival = table[table["arm"] == "docs-cloze"].assign(arm="random", family="control")  # 1 point better everywhere
    below = rival.assign(numerator=rival["numerator"] - 0.09 * (rival["target"] != "qa"))
    settings = replace(SETTINGS, arms=arms)
    found = contrasts(resample(pd.concat([table, below]), 0, 0), design_of(settings, LANGUAGES, "tiny"))
    (row,) = found[found["left_out_kind"] == "targets"].to_dict("records")
    assert (row["role"], row["left_out"], row["targets"]) == ("sensitivity", "qa", 2)
    # cloze: 2 and 0; span: -1 and 3.
    assert row["difference"] == pytest.approx((1 + 1) / 2)
    assert not (table_of()["left_out_kind"] == "targets").any(), "without random weights nothing fails"


def test_a_target_without_a_cell_of_the_contrast_is_not_among_those_left_out():
    """It fails its check, too, but is tested in the source language alone."""
    arms, table = ARMS | {"random": ComparedArm("control", init="random")}, sums()
    local = table[(table["target"] == "qa") & (table["language"] == "go")].assign(target="local", language="python")
    table = pd.concat([table, local])
    rival = table[table["arm"] == "docs-cloze"].assign(arm="random", family="control")
    below = rival.assign(numerator=rival["numerator"] - 0.09 * ~rival["target"].isin(["qa", "local"]))
    settings = replace(SETTINGS, arms=arms, targets=TARGETS | {"local": TARGETS["qa"]})
    scores = resample(pd.concat([table, below]), 0, 0)
    checks = target_checks(scores, design_of(settings, LANGUAGES, "tiny"))
    assert failed_targets(checks) == ["local", "qa"]
    found = contrasts(scores, design_of(settings, LANGUAGES, "tiny"))
    assert found.loc[found["left_out_kind"] == "targets", "left_out"].tolist() == ["qa"]


def test_other_methods_have_their_own_intervals_and_verdicts(table: pd.DataFrame):
    others = table[(table["role"] == "sensitivity") & (table["near"] == "left out")].set_index("method")
    assert list(others.index) == ["multi_bootstrap", "targets_random", "mixed_model"]
    assert others.loc["multi_bootstrap", "difference"] == pytest.approx(2 / 3)
    assert others.loc["multi_bootstrap", "units"] == table["units"][0] == UNITS, "all cells share them"
    # Groups: classification (2 / 12 - 1 / 8) / (1 / 12 + 1 / 8), qa -1, retrieval (0 + 3 / 8) / (5 / 24).
    groups = np.array([(4 - 3) / 5, -1.0, 9 / 5])
    random = others.loc["targets_random"]
    assert random["difference"] == pytest.approx(groups.mean())
    assert random["standard_error"] == pytest.approx(groups.std(ddof=1) / np.sqrt(3))
    assert random["degrees_of_freedom"] == 2 and random["verdict"].startswith("undecided")
    swapped = table_of(replace(SETTINGS, interval="multi_bootstrap"))
    assert set(swapped.loc[swapped["role"] != "sensitivity", "method"]) == {"multi_bootstrap"}
    assert "crossed_t" in set(swapped.loc[swapped["role"] == "sensitivity", "method"])
    assert swapped["high"][0] == pytest.approx(others.loc["multi_bootstrap", "high"])


def test_a_study_without_matched_forms_compares_families(table: pd.DataFrame):
    arms = {name: replace(arm, form=None) for name, arm in ARMS.items()}
    found = table_of(replace(SETTINGS, arms=arms))
    row = found.iloc[0]
    assert (row["role"], row["plus_kind"]) == ("primary", "family") and "form" not in set(found["role"])
    family = table[table["role"] == "family"].iloc[0]
    assert row["difference"] == pytest.approx(family["difference"]) and row["p"] == pytest.approx(family["p"])


def test_a_form_without_data_on_one_side_is_left_out():
    found = table_of(arms=tuple(name for name in ARMS if name != "english-span"))
    assert found["difference"][0] == pytest.approx(1 / 3)
    assert found.loc[found["role"] == "form", "form"].tolist() == ["cloze"]


def test_undecided_rows_say_what_would_decide_them(table: pd.DataFrame):
    undecided = table["judgement"] == "undecided"
    crossed = table["method"] == "crossed_t"
    assert (table.loc[undecided & crossed, "to_decide"] != "").all() and (
        table.loc[~undecided, "to_decide"] == ""
    ).all()
    assert table.loc[crossed, "detectable"].gt(0).all()
    assert table["power_by_seeds"][0].count(":") == 4
    assert table["languages_better"][0].endswith(" of 2") and table["languages_worse"][0] == "0 of 2"


def rows_with(rows: list[tuple[str, float]], encoder: str = "tiny") -> pd.DataFrame:
    """Rows of a role with a p, each of which is better before any correction."""
    table = pd.DataFrame(rows, columns=["role", "p"]).assign(judgement="better", verdict="a is better than b")
    table = table.assign(encoder=encoder, difference=2.2, low=0.1, high=4.3, seeds=3, units=400, to_decide="")
    return table.assign(variance_seeds=0.2, variance_units=1.0, variance_interaction=0.2)


def test_exploratory_verdicts_are_corrected_among_the_rows_of_an_encoder_and_a_role():
    """Benjamini and Hochberg (1995): the i-th smallest of m is multiplied by m / i, then the least from there on."""
    cells = [("cell", 0.01), ("cell", 0.03), ("cell", 0.2), ("cell", 0.04)]
    others = [("group", 0.04), ("sensitivity", 0.04), ("leave one out", 0.04)]
    table = pd.concat([rows_with([*cells, *others]), rows_with([("cell", 0.04)], "b")], ignore_index=True)
    found = corrected(table, 0.95, 1.0)
    by_hand = [0.04, 0.04 * 4 / 3, 0.2, 0.04 * 4 / 3, 0.04, np.nan, np.nan, 0.04]
    assert found["p_bh"].tolist() == pytest.approx(by_hand, nan_ok=True)
    lost = [False, True, True, True, False, False, False, False]
    assert (found["judgement"] == "undecided").tolist() == lost
    words = "undecided after the correction for 4 contrasts of the kind cell (without it: a is better than b)"
    assert found["verdict"].tolist() == [words if row else "a is better than b" for row in lost]
    # t of 519 degrees of freedom at .05 / 8 is 2.507, so V must be below (2.2 / 2.507) ** 2 = .770: 1 / 1.3 is .769.
    # With S seeds it is at least 1 - .2: no number is enough.
    assert found["to_decide"][1] == "1.3 times the test rows" and found["to_decide"][0] == ""


def test_rows_that_ask_the_same_question_are_corrected_as_one():
    """Two tests: a family with one arm, which is also its mixture, twice at .03, and another one at .04."""
    table = rows_with([("gain", 0.03), ("gain", 0.04), ("gain", 0.03)]).assign(low=[0.1, 0.05, 0.1])
    found = corrected(table, 0.95, 1.0)
    assert found["p_bh"].tolist() == pytest.approx([0.04, 0.04, 0.04])
    assert (found["judgement"] == "better").all()
    beyond = corrected(table.assign(p=[0.03, 0.2, 0.03]), 0.95, 1.0)
    assert beyond["p_bh"].tolist() == pytest.approx([0.06, 0.2, 0.06])
    assert "for 2 contrasts of the kind gain" in beyond["verdict"][0]


def test_a_difference_that_the_correction_undoes_is_still_a_small_one():
    table = rows_with([("cell", 0.04), ("cell", 0.5)]).assign(difference=0.5, low=0.1, high=0.9)
    found = corrected(table, 0.95, 1.0)
    assert found["judgement"][0] == "equal" and found["to_decide"][0] == ""
    assert found["verdict"][0] == (
        "no difference of 1 point or more (equivalence at .025 a side) after the correction for 2 contrasts of the "
        "kind cell (without it: a is better than b)"
    )


def test_what_decides_a_corrected_contrast_is_counted_with_the_correction():
    """An interval that contains zero must lie within 1 point: with k times the rows t ** 2 * .36 / k is below 1.

    t is 1.964 at .05 / 2 (squared: 3.86) and 2.246 at .05 / 4 (5.04), of more than 500 degrees of freedom.
    """
    one = rows_with([("cell", 0.2)]).assign(judgement="undecided", difference=0.0, variance_units=0.36)
    one = one.assign(variance_seeds=0.0, variance_interaction=0.0)
    assert corrected(one, 0.95, 1.0)["to_decide"].tolist() == ["1.4 times the test rows"]
    two = corrected(pd.concat([one, one.assign(p=0.3)], ignore_index=True), 0.95, 1.0)
    assert two["to_decide"].tolist() == 2 * ["1.9 times the test rows"]


def test_confirmatory_verdicts_are_corrected_for_their_number():
    table = rows_with([("primary", 0.01), ("reference", 0.03), ("reference", 0.04), ("group", 0.001)])
    found = corrected(table, 0.95, 1.0)
    assert found["p_holm"].tolist() == pytest.approx([0.03, 0.06, 0.06, np.nan], nan_ok=True)
    assert found["judgement"].tolist() == ["better", "undecided", "undecided", "better"]
    words = "undecided after the correction for 3 confirmatory contrasts (without it: a is better than b)"
    assert found["verdict"].tolist() == ["a is better than b", words, words, "a is better than b"]
    # t of 399 degrees of freedom at .05 / 6 is 2.405, so V must be below (2.2 / 2.405) ** 2 = .837. With S seeds it
    # is 1 - .2 * (1 - 3 / S), with k times the rows 1 / k.
    assert found["to_decide"].tolist() == ["", *2 * ["17 seeds or 1.2 times the test rows"], ""]
