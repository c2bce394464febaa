"""Metrics against values worked out by hand."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codestilts.errors import CodeStiltsError
from codestilts.metrics import METRICS, row_sums
from codestilts.metrics.ranking import best_threshold
from codestilts.metrics.spans import token_f1


def frame(gold: list[str], predicted: list[str], **more: object) -> pd.DataFrame:
    base = {
        "id": [str(i) for i in range(len(gold))],
        "arm": "none",
        "seed": 0,
        "language": "go",
        "split": "test",
    }
    return pd.DataFrame({**base, "gold": gold, "prediction": predicted, "score": 0.0, **more})


def value(metric: str, predictions: pd.DataFrame) -> float:
    sums = row_sums(predictions, metric).sum()
    return sums["numerator"] / sums["denominator"]


def test_accuracy_counts_equal_labels():
    assert value("accuracy", frame(["a", "b", "c"], ["a", "b", "a"])) == pytest.approx(2 / 3)


def test_token_accuracy_weighs_tokens_not_rows():
    assert value("token_accuracy", frame(["N N V", "V"], ["N V V", "N"])) == pytest.approx(2 / 4)


def test_token_accuracy_names_the_row_with_a_missing_tag():
    with pytest.raises(CodeStiltsError, match="row '1' has 1 tags for 2 tokens"):
        row_sums(frame(["N", "N V"], ["N", "N"]), "token_accuracy")


def test_exact_match_keeps_what_squad_would_drop():
    assert value("exact_match", frame(["a", "_x", "n"], ["the", "x", " n "])) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ("the red cat", "red cat sat", 0.8),
        ("cat", "dog", 0.0),
        ("", "", 1.0),
        ("", "cat", 0.0),
        ("A cat!", "cat", 1.0),
    ],
)
def test_token_f1_by_hand(gold: str, predicted: str, expected: float):
    assert token_f1(gold, predicted) == pytest.approx(expected)


def test_mrr_is_the_mean_of_scores():
    assert value("mrr", frame(["0", "1"], ["0", "0"], score=[1.0, 0.25])) == pytest.approx(0.625)


def test_threshold_lies_halfway_between_scores():
    scores, correct = pd.Series([0.9, 0.8, 0.3]).to_numpy(), pd.Series([True, True, False]).to_numpy()
    assert best_threshold(scores, correct, 2) == pytest.approx(0.55)


def test_threshold_never_cuts_ties_apart():
    scores, correct = pd.Series([0.8, 0.8, 0.1]).to_numpy(), pd.Series([True, False, False]).to_numpy()
    assert best_threshold(scores, correct, 1) == pytest.approx(0.45)


def test_mining_tunes_on_dev_and_counts_on_test():
    dev = frame(["a", "b", ""], ["a", "b", "a"], score=[0.9, 0.7, 0.2], split="dev")
    test = frame(["c", "d", "", ""], ["c", "c", "d", "c"], score=[0.8, 0.6, 0.5, 0.1])
    # The margin tuned on dev is 0.45: three test rows are mined, one is right, two pairs exist: 2 * 1 / (3 +
    # 2).
    predictions = pd.concat([dev, test], ignore_index=True)
    assert value("mining_f1", predictions) == pytest.approx(0.4)
    assert row_sums(predictions, "mining_f1")["denominator"][:3].sum() == 0


def test_mining_without_dev_rows_is_an_error():
    with pytest.raises(CodeStiltsError, match="no dev rows in 'go'"):
        row_sums(frame(["a"], ["a"]), "mining_f1")


def test_unknown_metric_is_an_error():
    with pytest.raises(CodeStiltsError, match="unknown metric 'bleu'"):
        row_sums(frame(["a"], ["a"]), "bleu")


words = st.sampled_from(["a", "b", "cat", "the cat", "_x", ""])


rows_of_predictions = st.tuples(words, words, st.floats(0, 1), st.sampled_from(["dev", "test"]))


@settings(max_examples=30, deadline=None)
@given(st.lists(rows_of_predictions, min_size=1, max_size=30))
def test_every_metric_stays_between_zero_and_one(rows: list[tuple[str, str, float, str]]):
    gold, predicted, score, split = map(list, zip(*rows, strict=True))
    predictions = frame(gold, predicted, score=score, split=split)
    predictions = pd.concat([frame(["a"], ["a"], split="dev"), predictions], ignore_index=True)
    for metric in set(METRICS) - {"token_accuracy"}:
        sums = row_sums(predictions, metric)
        assert (sums["numerator"] <= sums["denominator"] + 1e-12).all() or metric == "mining_f1"
        assert 0 <= sums["numerator"].sum() <= sums["denominator"].sum() + 1e-12
