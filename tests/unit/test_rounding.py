"""From measured differences to tolerances."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from grid_study import GRID, study_of
from scipy.stats import norm, t

from codestilts.errors import CodeStiltsError
from codestilts.release.extent import extent_of, files_of_runs, in_words
from codestilts.release.replicates import derived_tolerances, one_answer
from codestilts.release.rounding import ALPHA, Measured, answers, score_tolerances
from codestilts.release.rounding import _sum_differences as sum_differences
from codestilts.release.tables import TABLES


def differences(values: list[float], n: int, computation: str = "avx2", target: str = "match") -> pd.DataFrame:
    rows = {
        "target": target,
        "metric": "accuracy",
        "difference": values,
        "n": n,
        "computation": computation,
        "arm": "pos",
    }
    return pd.DataFrame(rows)


def test_the_tolerance_of_scores_is_their_spread_times_the_normal_quantile() -> None:
    """Root mean square of 1, -1, 2, 0 points with 100 rows: sqrt(1.5) points, 10 times that with one row."""
    found = score_tolerances(differences([0.01, -0.01, 0.02, 0.0], 100), 500, pd.Series({"match accuracy": 0.1}))
    quantile = norm.ppf(1 - ALPHA / 1000)
    assert found == {"match accuracy": pytest.approx(quantile * math.sqrt(1.5) / 10, abs=1e-6)}


def test_no_tolerance_is_smaller_than_a_measured_difference_or_one_answer() -> None:
    measured = differences([0.5, *[0.0] * 999], 100)
    found = score_tolerances(measured, 10, pd.Series({"match accuracy": 0.1}))
    assert found == {"match accuracy": pytest.approx(5.0)}  # .5 times sqrt(100); the spread alone would give .5
    found = score_tolerances(measured, 10, pd.Series({"match accuracy": 6.0, "tags accuracy": 9.0}))
    assert found == {"match accuracy": 6.0}


def test_one_answer_changes_an_f1_of_few_pairs_more_than_a_mean_over_rows() -> None:
    """400 queries: with 30 true pairs and 50 mined ones, a right pair more is 2 / 80 of F1, and 1 / 400 of accuracy.

    A macro F1 of two labels changes by half of what that of the rarer one does: 2 / 10 / 2.
    """
    keys = {"encoder": "tiny", "arm": "pos", "target": "t", "seed": 0, "checkpoint": "last", "language": "c"}
    rows = pd.DataFrame(
        [
            {"metric": "accuracy", "label": "", "denominator": 400.0, "n": 400},
            {"metric": "mining_f1", "label": "", "denominator": 80.0, "n": 400},
            {"metric": "macro_f1", "label": "a", "denominator": 790.0, "n": 300},
            {"metric": "macro_f1", "label": "b", "denominator": 10.0, "n": 100},
            {"metric": "macro_f1", "label": "c", "denominator": 0.0, "n": 0},
        ]
    ).assign(**keys, unit="u", numerator=0.0)
    found = answers(rows) / math.sqrt(400)
    assert found.to_dict() == {
        "t accuracy": pytest.approx(1 / 400), "t mining_f1": pytest.approx(1 / 40), "t macro_f1": pytest.approx(1 / 10)
    }  # fmt: skip


def test_computations_that_change_nothing_are_left_out_unless_there_is_no_other() -> None:
    scores = pd.concat([differences([0.0], 10, "avx2"), differences([0.1], 10, "two-threads")])
    scores = pd.concat([scores, differences([0.2], 10, "bf16")])
    changed = pd.DataFrame({"computation": ["two-threads", "bf16"]})
    assert set(Measured(scores, changed, frozenset()).of_precision("").scores["computation"]) == {"two-threads"}
    assert set(Measured(scores, changed, frozenset()).of_precision("bf16").scores["computation"]) == {"bf16"}
    parts = Measured(scores, changed, frozenset()).by_precision("fp32")
    assert {name: set(part.scores["computation"]) for name, part in parts.items()} == {
        "fp32": {"two-threads"}, "bf16": {"bf16"}
    }  # fmt: skip
    parts = Measured(scores, changed, frozenset()).by_precision("bf16")  # for such a study bf16 is no other precision
    assert {name: set(part.scores["computation"]) for name, part in parts.items()} == {"bf16": {"two-threads"}}
    none = Measured(scores, changed.head(0), frozenset())
    assert set(none.of_precision("").scores["computation"]) == {"avx2", "two-threads"}


def test_sums_differ_where_an_answer_does_and_units_without_sums_count_as_zero() -> None:
    keys = {"encoder": "tiny", "arm": "pos", "target": "match", "seed": 0, "checkpoint": "last", "language": "c"}
    keys |= {"metric": "f1", "label": ""}
    ours = pd.DataFrame([{**keys, "unit": "a", "numerator": 1.0, "denominator": 2.0, "n": 2},
                         {**keys, "unit": "b", "numerator": 1.0, "denominator": 1.0, "n": 1}])  # fmt: skip
    theirs = pd.DataFrame([{**keys, "unit": "b", "numerator": 1.0, "denominator": 1.0, "n": 1},
                           {**keys, "unit": "c", "numerator": 0.0, "denominator": 1.0, "n": 1}])  # fmt: skip
    found = sum_differences(ours, theirs).set_index("unit")[["numerator", "denominator"]]
    assert found.to_dict("index") == {
        "a": {"numerator": -1.0, "denominator": -2.0},
        "c": {"numerator": 0.0, "denominator": 1.0},
    }


def test_the_tolerance_of_an_effect_is_its_change_over_replicates_times_students_quantile() -> None:
    """Changes of 3 and -4 points in one scope, none in the other row of it: squares 12.5 and 0, whose mean is 6.25."""
    keys = {"encoder": "tiny", "arm": ["pos", "cloze"], "kind": "arm", "scope": "all", "language_set": "unseen"}
    numbers = {"none": 50.0, "low": 0.0, "high": 2.0}
    released = pd.DataFrame(keys | numbers | {"effect": [1.0, 7.0]}).astype(str)
    replicates = [{"effects": pd.DataFrame(keys | numbers | {"effect": [1.0 + change, 7.0]})} for change in (3.0, -4.0)]
    allowed = derived_tolerances({"effects": released}, replicates)["effects"]
    quantile = t.ppf(1 - ALPHA / 2 / 8, 2)  # eight numbers
    expected = [quantile * math.sqrt((2 * 12.5 + 6.25) / 3), quantile * math.sqrt(6.25 / 3)]
    assert allowed["effect"].tolist() == pytest.approx(expected)
    assert np.allclose(allowed[["none", "low", "high"]], 0.0)


def test_a_row_that_some_replicates_lack_has_a_tolerance_and_one_that_all_lack_is_of_other_results() -> None:
    """A contrast without the targets that fail a check is there only where they fail; 2 points in one of two."""
    keys = dict.fromkeys(TABLES["contrasts"].keys, "x") | {"left_out": ["", "tags"]}
    numbers = {"low": 0.0, "high": 2.0, "p_holm": 0.5, "p_bh": 0.5}
    table = pd.DataFrame(keys | numbers | {"difference": [1.0, 1.0]})
    replicates = [{"contrasts": table.assign(difference=[1.0, 3.0])}, {"contrasts": table.head(1)}]
    allowed = derived_tolerances({"contrasts": table.astype(str)}, replicates)["contrasts"]["difference"]
    assert 0 < allowed[0] < allowed[1]
    with pytest.raises(CodeStiltsError, match=r"contrasts\.csv is not of the same results"):
        derived_tolerances({"contrasts": table.astype(str)}, replicates[1:])


def test_a_sample_has_one_run_more_in_which_one_answer_of_each_cell_differs() -> None:
    """Of the sums of two targets one row of each language changes: by -1 if there is an answer to lose, else by +1."""
    keys = {"arm": "pos", "seed": 3, "checkpoint": "last", "label": "", "denominator": 2.0, "n": 2}
    rows = [{**keys, "target": target, "metric": metric, "language": language, "unit": unit, "numerator": found}
            for target, metric, found in (
                ("match", "accuracy", 2.0), ("search", "mrr", 0.5), ("mining", "mining_f1", 3.0))
            for language in ("c", "go") for unit in ("a", "b")]  # fmt: skip
    found = [one_answer(pd.DataFrame(rows), np.random.default_rng(seed)) for seed in range(20)]
    for drawn in found:
        assert drawn.set_index(["target", "language"])["numerator"].to_dict() == {
            ("match", "c"): -1.0, ("match", "go"): -1.0, ("search", "c"): 1.0, ("search", "go"): 1.0,
            ("mining", "c"): -2.0, ("mining", "go"): -2.0
        }  # fmt: skip
        assert (drawn["denominator"] == 0).all() and (drawn["seed"] == 3).all()
    assert len({tuple(drawn.loc[drawn["target"] == "match", "unit"]) for drawn in found}) == 4


def test_the_extent_of_a_study_names_the_runs_that_are_missing(tmp_path: Path) -> None:
    study = study_of(GRID, folder=tmp_path)
    files = files_of_runs(study)
    whole = extent_of(study, {*files.values(), "another file"})
    assert not whole["lacks"] and whole["runs"] == whole["of"] and in_words(whole) == ""
    without = {files["bert-tiny", "pos", "tags", "0-1"], files["minilm", "none", "search-untrained", "2"]}
    found = extent_of(study, set(files.values()) - without)
    assert found["lacks"] == {"bert-tiny / pos": {"tags": [0, 1]}, "minilm / none": {"search-untrained": [2]}}
    assert found["of"] - found["runs"] == 3
    assert in_words(found).endswith("runs are missing of 2 arms (bert-tiny / pos, minilm / none)")
