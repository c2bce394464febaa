"""Metrics of classes and ranks against values worked out by hand, scikit-learn and plain formulations."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from codestilts.config.analysis_settings import ScoredTarget, ScoreSettings
from codestilts.config.schema_fields import Metric
from codestilts.config.settings_json import to_json
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.metrics.ranking import average_precision_at_r, best_threshold
from codestilts.evaluation.metrics.registry import METRICS, row_sums, value
from codestilts.evaluation.scoring import unit_sums, values


def frame(gold: list[str], predicted: list[str], **more: object) -> pd.DataFrame:
    base = {
        "id": [str(i) for i in range(len(gold))],
        "arm": "none",
        "seed": 0,
        "language": "go",
        "split": "test",
    }
    return pd.DataFrame({**base, "gold": gold, "prediction": predicted, "score": 0.0, **more})


def measure(metric: str, predictions: pd.DataFrame) -> float:
    return value(row_sums(predictions, metric))


def test_accuracy_counts_equal_labels():
    assert measure("accuracy", frame(["a", "b", "c"], ["a", "b", "a"])) == pytest.approx(2 / 3)


def test_binary_f1_by_hand():
    # Two pairs found of three, and one found that is none: precision and recall are 2 / 3.
    assert measure("binary_f1", frame(["1", "1", "1", "0", "0"], ["1", "1", "0", "1", "0"])) == pytest.approx(2 / 3)


def test_binary_f1_is_zero_without_positives():
    assert measure("binary_f1", frame(["0", "0"], ["0", "0"])) == 0


def test_binary_f1_of_other_labels_is_an_error():
    with pytest.raises(CodeStiltsError, match=r"same.*0 and 1"):
        row_sums(frame(["0", "same"], ["0", "1"]), "binary_f1")


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1))
def test_binary_f1_is_that_of_scikit_learn(pairs: list[tuple[bool, bool]]):
    gold, predicted = ([str(int(label)) for label in side] for side in zip(*pairs, strict=True))
    expected = f1_score(gold, predicted, pos_label="1", zero_division=0)
    assert measure("binary_f1", frame(gold, predicted)) == pytest.approx(expected)


def test_f1_of_labels_by_hand():
    gold, predicted = ["dp|math", "two pointers", ""], ["dp", "math|two pointers", "dp"]
    # Found: dp and two pointers once each; 3 labels are there and 4 predicted.
    assert measure("micro_f1", frame(gold, predicted)) == pytest.approx(4 / 7)
    # dp 2 / 3, math 0 / 2, two pointers 2 / 2.
    assert measure("macro_f1", frame(gold, predicted)) == pytest.approx((2 / 3 + 0 + 1) / 3)


def test_f1_without_labels_is_zero():
    assert measure("macro_f1", frame([""], [""])) == measure("micro_f1", frame([""], [""])) == 0


labels = st.sets(st.sampled_from(["dp", "math", "brute force", "2-sat", "greedy"])).map(lambda names: "|".join(names))


@settings(deadline=None)
@given(st.lists(st.tuples(labels, labels), min_size=1))
def test_f1_of_labels_is_that_of_scikit_learn(pairs: list[tuple[str, str]]):
    gold, predicted = map(list, zip(*pairs, strict=True))
    sets = [set(text.split("|")) - {""} for text in [*gold, *predicted]]
    marks = MultiLabelBinarizer().fit_transform(sets)
    if marks.shape[1] > 1:  # scikit-learn takes a single column for two classes
        sides = marks[: len(gold)], marks[len(gold) :]
        micro, macro = (f1_score(*sides, average=average, zero_division=0) for average in ("micro", "macro"))
        assert measure("micro_f1", frame(gold, predicted)) == pytest.approx(micro)
        assert measure("macro_f1", frame(gold, predicted)) == pytest.approx(macro)


def cells(parts: dict[str, tuple[list[str], list[str]]]) -> pd.DataFrame:
    """Predictions of one run, by language, each half test rows and half dev rows that must not count."""
    frames = []
    for language, (gold, predicted) in parts.items():
        test = frame(gold, predicted).assign(
            split="test", language=language, unit=[str(n // 2) for n in range(len(gold))]
        )
        frames += [test, test.assign(split="dev", gold="dev only", prediction="dev only")]
    run = {"encoder": "e", "arm": "none", "target": "t", "seed": 0}
    return pd.concat(frames, ignore_index=True).assign(**run)


def test_macro_f1_over_declared_labels_by_hand():
    found = cells({"go": (["a", "a", "b"], ["a", "b", "b"]), "c": (["a"], ["a"])})
    table = values(unit_sums(found, "macro_f1_declared", ["a", "b", "c", "d"])).set_index("language")
    assert table.loc["go", "value"] == pytest.approx((2 / 3 + 2 / 3 + 0 + 0) / 4)
    assert table.loc["c", "value"] == pytest.approx(1 / 4)
    assert table["n"].to_dict() == {"go": 3, "c": 1} and set(table["metric"]) == {"macro_f1_declared"}
    occurring = values(unit_sums(found, "macro_f1", ["a", "b", "c", "d"])).set_index("language")["value"]
    assert occurring.to_dict() == pytest.approx({"go": 2 / 3, "c": 1.0})


DECLARED = ["2-sat", "brute force", "dp", "greedy", "math", "trees"]


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(labels, labels), min_size=1, max_size=12))
def test_macro_f1_over_declared_labels_is_that_of_scikit_learn(pairs: list[tuple[str, str]]):
    gold, predicted = map(list, zip(*pairs, strict=True))
    marks = [
        MultiLabelBinarizer(classes=DECLARED).fit_transform([set(text.split("|")) - {""} for text in side])
        for side in (gold, predicted)
    ]
    expected = f1_score(*marks, average="macro", zero_division=0)
    (row,) = values(unit_sums(cells({"go": (gold, predicted)}), "macro_f1_declared", DECLARED)).to_dict("records")
    assert row["value"] == pytest.approx(expected) and row["n"] == len(pairs)


def test_scores_have_the_metrics_beside_a_target_s_own_and_effects_do_not(tmp_path: Path):
    """Through the command line, as the workflow scores; other targets are as they were."""
    found = cells({"go": (["a", "a", "b"], ["a", "b", "b"])})
    found.to_parquet(tmp_path / "t.parquet")
    found.assign(target="u").to_parquet(tmp_path / "u.parquet")
    targets = {"t": ScoredTarget("macro_f1", ("a", "b", "c")), "u": ScoredTarget("accuracy", ("a", "b"))}
    script = Path(__file__).parents[2] / "scripts/score.py"
    paths = [str(tmp_path / f"{name}.parquet") for name in targets]
    files = ["--values", str(tmp_path / "values"), "--sums", str(tmp_path / "sums")]
    settings = to_json(ScoreSettings(targets, "last"))
    subprocess.run([sys.executable, script, "--predictions", *paths, "--settings", settings, *files], check=True)
    table = pd.read_parquet(tmp_path / "values").set_index(["target", "metric"])["value"]
    assert table.to_dict() == pytest.approx(
        {("t", "macro_f1"): 2 / 3, ("t", "macro_f1_declared"): 4 / 9, ("u", "accuracy"): 2 / 3}
    )
    main = pd.read_parquet(tmp_path / "sums")
    assert set(zip(main["target"], main["metric"], strict=True)) == {("t", "macro_f1"), ("u", "accuracy")}


def test_metrics_that_need_more_than_rows_are_no_task_s_own():
    assert set(METRICS) - set(get_args(Metric)) == {"macro_f1_declared"} and set(get_args(Metric)) < set(METRICS)


@pytest.mark.parametrize("metric", ["mrr", "map_at_r"])
def test_means_of_scores(metric: str):
    assert measure(metric, frame(["0", "1"], ["0", "0"], score=[1.0, 0.25])) == pytest.approx(0.625)


def test_average_precision_at_r_by_hand():
    similarity = np.array([[9, 3, 2, 1], [1, 9, 2, 3], [3, 1, 9, 2], [1, 2, 3, 9]], dtype=float)
    # R is 2 for a: the first query finds both, the second one at place 2, the third one at place 1. b stands alone.
    with pytest.raises(CodeStiltsError, match="label 'b'"):
        average_precision_at_r(similarity, np.array(["a", "a", "a", "b"]))
    similarity = np.pad(similarity, (0, 1), constant_values=0.0)
    found = average_precision_at_r(similarity, np.array(["a", "a", "a", "b", "b"]))
    assert found == pytest.approx([1.0, (1 / 2) / 2, (1 / 1) / 2, 0.0, 0.0])


def test_ties_go_against_the_query():
    assert average_precision_at_r(np.ones((6, 6)), np.array([0, 0, 0, 1, 1, 1])) == pytest.approx(np.zeros(6))


@settings(deadline=None)
@given(st.integers(2, 4), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_average_precision_at_r_is_that_of_a_full_ranking(classes: int, size: int, seed: int):
    rng = np.random.default_rng(seed)
    names = rng.permutation(np.repeat(np.arange(classes), size))
    similarity = rng.integers(0, 9, (len(names), len(names))).astype(float)
    for query, found in enumerate(average_precision_at_r(similarity, names)):
        others = [other for other in range(len(names)) if other != query]
        ranking = sorted(others, key=lambda other: (-similarity[query, other], names[other] == names[query]))
        right = names[ranking[: size - 1]] == names[query]
        precisions = [right[: place + 1].mean() for place in range(size - 1) if right[place]]
        assert found == pytest.approx(sum(precisions) / (size - 1))


def test_threshold_lies_halfway_between_scores():
    scores, correct = np.array([0.9, 0.8, 0.3]), np.array([True, True, False])
    assert best_threshold(scores, correct, 2) == pytest.approx(0.55)


def test_threshold_never_cuts_ties_apart():
    scores, correct = np.array([0.8, 0.8, 0.1]), np.array([True, False, False])
    assert best_threshold(scores, correct, 1) == pytest.approx(0.45)


def test_threshold_is_zero_where_nothing_is_correct():
    assert best_threshold(np.array([1.1, 0.9]), np.array([False, False]), 1) == 0
    assert best_threshold(np.array([]), np.array([], dtype=bool), 1) == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=12), st.integers(0, 3))
def test_no_other_threshold_is_better(rows: list[tuple[int, bool]], lost: int):
    score, correct = (np.array(column) for column in zip(*rows, strict=True))
    pairs = int(correct.sum()) + lost

    def f1(threshold: float) -> float:
        return 2 * correct[score >= threshold].sum() / max((score >= threshold).sum() + pairs, 1)

    assert f1(best_threshold(score, correct, pairs)) == pytest.approx(max(f1(i / 2) for i in range(20)))


def test_mining_tunes_on_dev_and_counts_on_test():
    dev = frame(["a", "b", ""], ["a", "b", "a"], score=[0.9, 0.7, 0.2], split="dev")
    test = frame(["c", "d", "", "", "e"], ["c", "c", "d", "c", ""], score=[0.8, 0.6, 0.5, 0.1, 0.9])
    # The margin tuned on dev is 0.45: three test rows are mined, one is right, three pairs exist: 2 * 1 / (3 + 3).
    predictions = pd.concat([dev, test], ignore_index=True)
    assert measure("mining_f1", predictions) == pytest.approx(1 / 3)
    assert row_sums(predictions, "mining_f1")["denominator"][:3].sum() == 0


def test_mining_tunes_each_language_by_itself():
    dev = frame(["a", "b"], ["a", "x"], score=[0.9, 0.7], split="dev", language=["go", "rust"])
    test = frame(["c", "d"], ["c", "d"], score=[0.2, 0.2], language=["go", "rust"])
    # Go mines from 0.9 - 0.5 on and so nothing; Rust found nothing on dev and mines all: 2 * 1 / (1 + 2).
    assert measure("mining_f1", pd.concat([dev, test], ignore_index=True)) == pytest.approx(2 / 3)


def test_mining_tunes_each_checkpoint_by_itself():
    dev = frame(["a", "b"], ["a", "b"], score=[0.9, 0.1], split="dev", checkpoint=["early", "late"])
    test = frame(["c", "d"], ["c", "d"], score=[0.3, 0.3], checkpoint=["early", "late"])
    # The early one mines from 0.9 - 0.5 on, the late one from 0.1 - 0.5 on.
    assert measure("mining_f1", pd.concat([dev, test], ignore_index=True)) == pytest.approx(2 / 3)


def test_mining_without_dev_rows_is_an_error():
    with pytest.raises(CodeStiltsError, match=r"no dev rows.*go"):
        row_sums(frame(["a"], ["a"]), "mining_f1")


def test_unknown_metric_is_an_error():
    with pytest.raises(CodeStiltsError, match=r"unknown metric.*bleu"):
        row_sums(frame(["a"], ["a"]), "bleu")


def test_every_metric_has_its_own_label():
    assert len({metric.label for metric in METRICS.values()}) == len(METRICS)


words = st.sampled_from(["1", "0"])
rows_of_predictions = st.tuples(words, words, st.floats(0, 1), st.sampled_from(["dev", "test"]))


@pytest.mark.filterwarnings("ignore:.* seems not to be NE tag")
@settings(max_examples=30, deadline=None)
@given(st.lists(rows_of_predictions, min_size=1, max_size=30))
def test_every_metric_stays_between_zero_and_one(rows: list[tuple[str, str, float, str]]):
    gold, predicted, score, split = map(list, zip(*rows, strict=True))
    same = {"language": "english", "output_language": "english", "found_language": "english"}
    predictions = frame(gold, predicted, score=score, split=split, **same)
    dev = frame(["1"], ["1"], split="dev", **same)
    predictions = pd.concat([dev, predictions], ignore_index=True)
    for metric in METRICS:
        sums = row_sums(predictions, metric)
        assert (sums["numerator"] <= sums["denominator"] + 1e-12).all() or metric == "mining_f1"
        assert sums.index.unique().equals(predictions.index) and sums["n"].sum() == len(predictions)
        assert 0 <= sums["numerator"].sum() <= sums["denominator"].sum() + 1e-12
