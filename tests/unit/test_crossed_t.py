"""Crossed t against arithmetic by hand, a plain loop, and the mean squares of a balanced analysis of variance."""

import warnings

import calibration
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from codestilts.evaluation.statistics import power
from codestilts.evaluation.statistics.crossed_t import (
    Estimate,
    Variance,
    estimate,
    from_variance,
    variance_of,
)
from codestilts.evaluation.statistics.moments import components
from codestilts.evaluation.statistics.multiplicity import benjamini_hochberg, holm, one_sided, partial_conjunction
from codestilts.evaluation.statistics.resampling import Scores, resample

Weights = dict[tuple[str, str, str], float]


def one_cell(right: np.ndarray) -> pd.DataFrame:
    """The sums of one arm in one cell from answers (seeds, units)."""
    index = pd.MultiIndex.from_product([*map(range, right.shape)], names=["seed", "unit"])
    table = index.to_frame(index=False).astype({"unit": str})
    table = table.assign(numerator=right.ravel().astype(float), denominator=1.0, n=1, label="")
    return table.assign(arm="a", target="t", language="c", family="code")


def score_weights(scores: Scores, weights: Weights) -> np.ndarray:
    """Weights as an array over scores."""
    found = np.zeros(len(scores.by_seed))
    for (arm, target, language), weight in weights.items():
        places = scores.arms.index(arm), scores.targets.index(target), scores.languages.index(language)
        found[scores.rows[places]] += weight
    return found


def estimate_sums(sums: pd.DataFrame, weights: Weights) -> Estimate | None:
    """The contrast with these weights of (arm, target, language)."""
    scores = resample(sums, 0, 0)
    return estimate(scores, score_weights(scores, weights))


def variance(scores: Scores, weights: Weights) -> Variance:
    chosen = score_weights(scores, weights)
    return variance_of(scores, chosen, chosen @ scores.by_seed)


def parts(sums: pd.DataFrame, weights: Weights) -> Variance:
    return variance(resample(sums, 0, 0), weights)


def test_two_seeds_and_two_units_by_hand():
    # Values 50 and 0, so V_S = 1250 / 2. Influences 25, -25 and 0, 0; means 12.5 and -12.5: V_C = 2 * 2 * 12.5 ** 2.
    # What is left is 12.5 everywhere: V_I = 2 * 4 * 12.5 ** 2 / (2 * 1).
    found = parts(one_cell(np.array([[1, 0], [0, 0]])), {("a", "t", "c"): 1.0})
    assert (found.seeds, found.units) == (2, 2)
    assert [found.of_seeds, found.of_units, found.of_both] == pytest.approx([625, 625, 625])
    assert (found.total, found.degrees_of_freedom) == (pytest.approx(625), 1)


def test_three_seeds_and_four_units_by_hand():
    # Values 50, 25, 75: V_S = 625 / 3. Means of influences 12.5, 25/6, -25/6, -12.5; their squares add to 347.222.
    # Squares of all influences: 625 + 468.75 + 468.75; less 3 * 347.222 they are 520.833.
    right = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 0]])
    found = parts(one_cell(right), {("a", "t", "c"): 1.0})
    seeds, units, both = 625 / 3, 4 / 3 * 347.2222, 4 / 3 * 520.8333 / 6
    assert [found.of_seeds, found.of_units, found.of_both] == pytest.approx([seeds, units, both], rel=1e-6)
    assert found.total == pytest.approx(555.5556, rel=1e-6)
    # 555.556 ** 2 / (208.333 ** 2 / 2 + 462.963 ** 2 / 3 + 115.741 ** 2 / 6)
    assert found.degrees_of_freedom == pytest.approx(3.236, abs=1e-3)


def sums_of(rng: np.random.Generator) -> pd.DataFrame:
    """Two arms and a trivial baseline on two targets, one a macro average; units are shared, and some are missing."""
    rows = []
    for arm, target, language in [(a, t, x) for a in "abz" for t in ("plain", "macro") for x in ("c", "go")]:
        for seed in [0] if arm == "z" else range(4):
            for unit in range(0 if target == "plain" else 4, 20 if language == "c" else 15):
                for label in [""] if target == "plain" else [str(n) for n in rng.choice(3, 2, replace=False)]:
                    bottom = float(rng.integers(1, 4))
                    rows.append((arm, target, language, seed, f"u{unit}", label, rng.integers(0, bottom + 1), bottom))
    names = ["arm", "target", "language", "seed", "unit", "label", "numerator", "denominator"]
    table = pd.DataFrame(rows, columns=names).assign(n=1)
    return table.assign(family=np.where(table["arm"] == "z", "trivial", "code"))


WEIGHTS: list[Weights] = [
    {("a", "plain", "c"): 1.0},
    {("a", "macro", "go"): 1.0, ("b", "macro", "go"): -1.0},
    {("a", "plain", "c"): 1.0, ("z", "plain", "c"): -1.0},
    {(arm, t, x): sign / 4 for arm, sign in (("a", 1), ("b", -1)) for t in ("plain", "macro") for x in ("c", "go")},
]


def by_loop(sums: pd.DataFrame, weights: Weights) -> tuple[list[float], list[float]]:
    """The contrast with each seed and the three parts, written out from the definition."""
    seeds, units, values = range(4), set(), []
    influence = {}  # (seed, unit)
    for seed in seeds:
        value = 0.0
        for (arm, target, language), weight in weights.items():
            here = sums[(sums["arm"] == arm) & (sums["target"] == target) & (sums["language"] == language)]
            everywhere = sums[(sums["target"] == target) & (sums["language"] == language)]
            units |= set(everywhere["unit"])
            here = here[here["seed"] == (0 if arm == "z" else seed)]
            labels = sorted(set(here["label"]))
            for label in labels:
                rows = here[here["label"] == label]
                bottom = rows["denominator"].sum()
                ratio = rows["numerator"].sum() / bottom
                value += weight * 100 * ratio / len(labels)
                for row in rows.itertuples():
                    part = weight * 100 * (row.numerator - ratio * row.denominator) / bottom / len(labels)
                    influence[seed, row.unit] = influence.get((seed, row.unit), 0.0) + part
        values.append(value)
    means = {unit: np.mean([influence.get((seed, unit), 0.0) for seed in seeds]) for unit in units}
    larger = len(units) / (len(units) - 1)
    of_units = larger * sum(mean**2 for mean in means.values())
    rest = sum((influence.get((seed, unit), 0.0) - means[unit]) ** 2 for seed in seeds for unit in units)
    return values, [np.var(values, ddof=1) / 4, of_units, larger * rest / (4 * 3)]


@pytest.mark.parametrize("weights", WEIGHTS)
def test_the_parts_are_those_of_a_plain_loop(weights: Weights):
    sums = sums_of(np.random.default_rng(1))
    values, expected = by_loop(sums, weights)
    found = estimate_sums(sums, weights)
    assert found.by_seed == pytest.approx(values) and found.value == pytest.approx(np.mean(values))
    assert [found.variance.of_seeds, found.variance.of_units, found.variance.of_both] == pytest.approx(expected)


def test_lists_without_common_units_are_added_one_after_the_other():
    sums = sums_of(np.random.default_rng(2))
    sums["unit"] = sums["language"] + sums["unit"]
    keys = sorted({(row.target, row.language) for row in sums.itertuples()})
    tables = {key: sums[(sums["target"] == key[0]) & (sums["language"] == key[1])] for key in keys}
    together = components((key, set(tables[key]["unit"])) for key in keys)
    assert sorted(map(sorted, together)) == [[("macro", x), ("plain", x)] for x in ("c", "go")]
    runs = sums.groupby(["target", "language", "arm", "family", "seed"]).agg(n=("n", "sum"), units=("unit", "nunique"))
    apart = resample(((key, tables[key]) for part in together for key in part), 0, 0, runs.reset_index(), together)
    whole = resample(sums, 0, 0)
    for weights in WEIGHTS:
        one, two = (variance(scores, weights) for scores in (apart, whole))
        assert one == two or [one.total, one.of_both] == pytest.approx([two.total, two.of_both])


def test_balanced_data_have_the_mean_squares_of_an_analysis_of_variance():
    from statsmodels.formula.api import mixedlm, ols
    from statsmodels.stats.anova import anova_lm

    rng = np.random.default_rng(5)
    seeds, units = 6, 30
    scores = 0.5 + rng.normal(0, 0.1, (seeds, 1)) + rng.normal(0, 0.1, (1, units)) + rng.normal(0, 0.1, (seeds, units))
    table = one_cell(scores)
    found = estimate_sums(table, {("a", "t", "c"): 1.0})
    squares = anova_lm(ols("numerator ~ C(seed) + C(unit)", table).fit())["mean_sq"]
    scale = 100**2 / (seeds * units)
    expected = [scale * squares[name] for name in ("C(seed)", "C(unit)", "Residual")]
    assert [found.variance.of_seeds, found.variance.of_units, found.variance.of_both] == pytest.approx(expected)
    # REML of balanced data with positive components gives the same standard error.
    factors = {"seed": "0 + C(seed)", "unit": "0 + C(unit)"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "may be on the boundary": of the residual, which is small
        model = mixedlm("numerator ~ 1", table.assign(all=1), groups="all", vc_formula=factors, re_formula="0").fit()
    assert 100 * model.bse["Intercept"] == pytest.approx(found.standard_error, rel=1e-3)


def test_the_interval_and_the_p_are_of_the_same_t():
    found = from_variance(np.array([1.0, 2.0, 6.0]), Variance(3, 50, 4.0, 2.0, 1.0))
    freedom = 25 / (16 / 2 + 4 / 49 + 1 / 98)  # of 4 + 2 - 1 = 5 squared points
    assert (found.standard_error, found.degrees_of_freedom) == (pytest.approx(np.sqrt(5)), pytest.approx(freedom))
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, freedom) * np.sqrt(5))
    assert found.p == pytest.approx(2 * stats.t.sf(3 / np.sqrt(5), freedom))
    edge = from_variance(np.array([1.0, 2.0, 6.0]), found.variance, 1 - found.p)
    assert edge.low == pytest.approx(0)


def test_no_less_than_each_part_and_no_more_freedom_than_known():
    assert Variance(3, 50, 4.0, 1.0, 2.0).total == 4.0  # 4 + 1 - 2 would be less than what the seeds vary
    assert Variance(3, 50, 1.0, 4.0, 2.0).total == 4.0 and Variance(3, 50, 1.0, 4.0, 2.0).degrees_of_freedom == 49
    assert Variance(3, 50, 8.0, 0.1, 0.1).degrees_of_freedom == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("rounding", [-1e-14, 0.0, 1e-14])
def test_rounding_decides_no_tie(rounding: float):
    tie = Variance(3, 60, 10.556 + rounding, 10.1955, 10.556)
    assert tie.degrees_of_freedom == 59 and tie.total == 10.1955
    assert Variance(3, 60, 10.557, 10.1955, 10.556).degrees_of_freedom == 2


def test_a_simulated_study_has_the_parts_that_its_sums_have():
    rng = np.random.default_rng(0)
    for design in calibration.DESIGNS.values():
        right = calibration.answers(design, 3, 1, 0.0, rng)
        ((by_seed, variance),) = calibration.variances(right, design)
        languages = [str(k) for k in range(calibration.LANGUAGES)]
        weights = {(arm, "t", x): sign / len(languages) for arm, sign in (("a", 1), ("b", -1)) for x in languages}
        found = estimate_sums(calibration.sums(right[0], design.shared), weights)
        assert found.by_seed == pytest.approx(tuple(by_seed)) and found.units == variance.units
        expected = from_variance(by_seed, variance)
        assert [found.low, found.high, found.p] == pytest.approx([expected.low, expected.high, expected.p])


@pytest.mark.parametrize("name", ["balanced", "shared problems, ρ = .8"])
def test_few_intervals_exclude_a_true_difference_of_zero(name: str):
    """At most 6 of 100 in the long run (docs/statistics.md); 400 studies have a standard error of 1.1 in 100."""
    assert calibration.rates(calibration.DESIGNS[name], 5, 400, 0)["type_1"] <= 0.085


def test_corrections_by_hand():
    assert holm([0.01, 0.04, np.nan, 0.03]) == pytest.approx([0.03, 0.06, np.nan, 0.06], nan_ok=True)
    assert benjamini_hochberg([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.04, 0.04])
    # 4 * .001, 3 * .01 and 2 * .02 are at most .05, 1 * .5 is not; with .03 in second place it stops at one.
    assert partial_conjunction([0.5, 0.02, 0.001, 0.01], 0.05) == 3
    assert partial_conjunction([0.001, 0.03, 0.03, 0.04], 0.05) == 1
    assert partial_conjunction([0.04], 0.05) == 1 and partial_conjunction([0.2, 0.3], 0.05) == 0
    assert one_sided(0.04, 1.0) == 0.02 and one_sided(0.04, -1.0) == 0.98 and one_sided(0.04, -1.0, False) == 0.02


def known(value: float = 0.6, of_seeds: float = 0.5, of_units: float = 0.3, of_both: float = 0.1) -> Estimate:
    return from_variance(np.array([value - 1, value, value + 1]), Variance(3, 400, of_seeds, of_units, of_both))


def test_more_seeds_leave_what_units_vary():
    variance = known().variance
    assert power.with_seeds(variance, 3) == variance
    ten = power.with_seeds(variance, 30)
    assert [ten.of_seeds, ten.of_units, ten.of_both] == pytest.approx([0.05, 0.21, 0.01])
    assert power.with_seeds(variance, 10**9).total == pytest.approx(0.2)  # V_C - V_I
    rows = power.with_rows(variance, 10)
    assert [rows.of_seeds, rows.of_units, rows.of_both, rows.units] == pytest.approx([0.41, 0.03, 0.01, 4000])


def test_a_detectable_effect_is_found_with_its_power():
    found = known(of_seeds=0.1, of_units=0.3, of_both=0.1)  # 399 degrees of freedom
    least = (stats.t.ppf(0.975, 399) + stats.t.ppf(0.8, 399)) * np.sqrt(0.3)
    assert power.detectable(found) == pytest.approx(least)
    assert power.power_at(found, least, 3) == pytest.approx(0.8, abs=2e-3)
    assert power.power_at(found, 0.0, 3) == pytest.approx(0.05)
    assert power.power_by_seeds(found, least).startswith("3: 0.80, 5: 0.")


@pytest.mark.parametrize(("seeds", "difference"), [(2, 1.0), (3, 1.0), (3, 3.0), (5, 1.5), (20, 0.4)])
def test_the_power_of_seeds_alone_is_that_of_a_t_test(seeds: int, difference: float):
    """Where only seeds vary, by a standard deviation of 1 each: statsmodels has the noncentral t distribution, too."""
    found = from_variance(np.array([0.0, 0.1, 0.2]), Variance(3, 400, 1 / 3, 0.0, 0.0))
    expected = TTestPower().power(difference, seeds, 0.05)
    assert power.power_at(found, difference, seeds) == pytest.approx(expected, abs=1e-6)


def test_a_large_difference_is_always_found():
    for difference in (5, 8, 12, 20, 40, 100, 1e5):
        assert power.power_at(known(of_seeds=0.1), difference, 20) == pytest.approx(1)


def test_the_seeds_and_rows_that_decide_are_the_fewest():
    found = known(value=0.95)
    half = power.narrow_enough(found, 1.0)
    assert half == pytest.approx(0.95)
    seeds = power.needed_seeds(found, half)
    widths = [power.half_width(power.with_seeds(found.variance, n), 0.95) for n in (seeds - 1, seeds)]
    assert widths[1] < half <= widths[0]
    assert power.needed_rows(found, half) is None  # V_S - V_I alone has an interval that is wider
    assert power.to_decide(found, 1.0) == f"{seeds} seeds"
    assert power.to_decide(known(value=0.1, of_units=9.0), 0.2) == "both more seeds and more test rows"
    wide = known(value=0.5, of_seeds=0.2, of_units=4.0, of_both=0.2)
    rows = power.needed_rows(wide, 0.5)
    assert power.half_width(power.with_rows(wide.variance, rows), 0.95) < 0.5
    assert power.half_width(power.with_rows(wide.variance, rows - 0.1), 0.95) >= 0.5


def test_one_seed_bears_no_interval():
    scores = resample(one_cell(np.arange(20).reshape(1, 20) % 2), 0, 0)
    found = estimate(scores, score_weights(scores, {("a", "t", "c"): 1.0}))
    assert (found.value, found.note, found.variance) == (50, "one seed", None) and np.isnan([found.low, found.p]).all()
    assert np.isnan(power.detectable(found)) and power.to_decide(found, 1.0) == ""


def test_a_cell_whose_units_but_one_have_no_sums_bears_no_interval():
    """In mining, a query that is no pair and that no run mines has no sums, but is one of the cell's units."""
    scores = resample(one_cell(np.array([[1], [0]])), 0, 0)
    scores.units[:] = 200
    found = estimate(scores, score_weights(scores, {("a", "t", "c"): 1.0}))
    assert (found.value, found.units, found.note) == (50, 1, "one unit counts") and np.isnan([found.low, found.p]).all()


def mined(pairs: int, others: int, shared: int = 0) -> pd.DataFrame:
    """Sums of mining: ``a`` and ``b`` mine pairs only, ``c`` all else; language d has the first ``shared`` units."""
    rng, rows = np.random.default_rng(0), []
    for arm in "abc":
        for seed in range(3):
            for unit in range(pairs + others):
                pair = unit < pairs
                found = bool(rng.random() < 0.5) if pair else arm == "c"
                right = pair and found and bool(rng.random() < 0.7)
                rows.append((arm, seed, f"u{unit}", "c", 2.0 * right, float(pair) + found))
                if unit < shared:
                    rows.append((arm, seed, f"u{unit}", "d", float(right), 1.0))
    columns = ["arm", "seed", "unit", "language", "numerator", "denominator"]
    table = pd.DataFrame(rows, columns=columns).assign(target="t", family="code", label="", n=1)
    return table[(table["numerator"] != 0) | (table["denominator"] != 0)]


MINED = {("a", "t", "c"): 1.0, ("b", "t", "c"): -1.0}


def test_what_another_arm_mines_changes_no_comparison() -> None:
    """Fourteen pairs count for both arms, and the 46 other queries only for the arm that mines them."""
    sums = mined(14, 46)
    found, alone = (estimate_sums(table, MINED) for table in (sums, sums[sums["arm"] != "c"]))
    assert found and alone and found == alone and found.units == 14
    with_c = estimate_sums(sums, MINED | {("c", "t", "c"): 1.0})
    assert with_c and with_c.units == 60
    few = mined(9, 46)
    for table in (few, few[few["arm"] != "c"]):
        none = estimate_sums(table, MINED)
        assert none and none.note == "9 units are too few: 10 or more"


def test_units_of_a_partial_cell_that_are_in_another_one_count_once() -> None:
    """Fourteen pairs in the language c, of which five are in d too; the 46 others do not count for a and b."""
    found = estimate_sums(mined(14, 46, shared=5), MINED | {("a", "t", "d"): 1.0, ("b", "t", "d"): -1.0})
    assert found and found.units == 14
    of_d = estimate_sums(mined(14, 46, shared=12), {("a", "t", "d"): 1.0, ("b", "t", "d"): -1.0})
    assert of_d and of_d.units == 12


def test_rows_without_sums_count_nowhere() -> None:
    sums = mined(14, 46)
    zeros = sums[sums["arm"] == "c"].assign(arm="a", numerator=0.0, denominator=0.0)
    zeros = zeros[~zeros["unit"].isin([f"u{number}" for number in range(14)])]
    found, plain = estimate_sums(pd.concat([sums, zeros]), MINED), estimate_sums(sums, MINED)
    assert found and plain and found.units == plain.units == 14 and found.low == pytest.approx(plain.low)
