"""Metrics of answers against values worked out by hand, where scorers of question answering differ or surprise."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codestilts.columns import MLQA_LANGUAGES
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.metrics.registry import reported_metrics, row_sums, value
from codestilts.evaluation.metrics.spans import MLQA_ARTICLES, mlqa_tokens, squad_tokens

ANSWERED = ["f1", "squad_em", "squad_mean", "mlqa_f1", "mlqa_em", "mlqa_mean"]


def frame(gold: list[str], predicted: list[str], language: str = "english", **more: object) -> pd.DataFrame:
    names = [str(i) for i in range(len(gold))]
    return pd.DataFrame({"id": names, "language": language, "gold": gold, "prediction": predicted, **more})


def measure(metric: str, gold: str, predicted: str, language: str = "english") -> float:
    return value(row_sums(frame([gold], [predicted], language), metric))


def test_exact_match_keeps_what_squad_would_drop():
    sums = row_sums(frame(["a", "_x", "n", ""], ["the", "x", " n ", ""]), "exact_match")
    assert sums["numerator"].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The cat, a dog & an ox.", ["cat", "dog", "ox"]),
        ("it's", ["its"]),
        ("it’s", ["it’s"]),  # only ASCII's punctuation goes
        ("«chat»", ["«chat»"]),
        ("$5.00-$6", ["5006"]),
        ("a_b", ["ab"]),
        ("a-b", ["ab"]),  # punctuation goes before articles do
        ("the-the", ["thethe"]),
        ("and another theatre", ["and", "another", "theatre"]),
        ("A.", []),
        ("\u00a0\u3000x\ty\n", ["x", "y"]),
        ("北京 市。", ["北京", "市。"]),  # so does XTREME score the Chinese of XQuAD
        ("", []),
    ],
)
def test_squad_tokens(text: str, tokens: list[str]):
    assert squad_tokens(text) == tokens


@pytest.mark.parametrize(
    ("language", "text", "tokens"),
    [
        ("english", "The cat’s “A” — it's", ["cats", "its"]),  # all of Unicode's punctuation goes
        ("english", "€5 + ½ ~ $6", ["€5", "½", "6"]),  # of symbols only ASCII's go
        ("english", "el gato der", ["el", "gato", "der"]),
        ("spanish", "¿El gato o la Una?", ["gato", "o"]),
        ("spanish", "del al lo a the", ["del", "al", "lo", "a", "the"]),
        ("german", "Der Hund des Einen, die dieses", ["hund", "dieses"]),
        ("german", "keine einem Straße", ["keine", "straße"]),
        ("vietnamese", "Những con mèo của là chiếc", ["con", "mèo"]),
        ("hindi", "वह, एक बिल्ली।", ["वह", "एक", "बिल्ली"]),  # no articles, and the danda is punctuation
        ("arabic", "الكتاب", ["كتاب"]),
        ("arabic", "مثال", ["مث"]),  # also where the two letters are no article
        ("arabic", "سؤال، الحالة؟", ["سؤ", "ح", "ة"]),
        ("chinese", "北京2008年GDP growth", ["北", "京", "2008", "年", "gdp", "growth"]),
        ("chinese", "《红楼梦》，曹雪芹。", ["红", "楼", "梦", "曹", "雪", "芹"]),
        ("chinese", "the 一", ["the", "一"]),  # no articles
        ("chinese", "龥龦龧", ["龥", "龦龧"]),  # ideographs after U+9FA5 are no tokens of their own
        ("chinese", "かな漢字", ["かな", "漢", "字"]),
        ("chinese", "。，、", []),
    ],
)
def test_mlqa_tokens(language: str, text: str, tokens: list[str]):
    assert mlqa_tokens(text, language) == tokens


@pytest.mark.parametrize("kind", ["squad", "mlqa"])
def test_the_mean_is_what_xtreme_averages(kind: str):
    # F1 .8, 1 and 0; exact match 0, 1 and 0: XTREME's avg_metric is (avg_exact_match + avg_f1) / 2.
    predictions = frame(["the red cat", "a cat", "x"], ["red cat sat", "cat", "y"])
    expected = (1.8 / 3 + 1 / 3) / 2
    assert value(row_sums(predictions, f"{kind}_mean")) == pytest.approx(expected)
    names = [f"{kind}_mean", "f1" if kind == "squad" else "mlqa_f1", f"{kind}_em"]
    assert [reported_metrics(name)[0] for name in names] == names
    assert all(set(reported_metrics(name)) == set(names) for name in names)
    assert reported_metrics("exact_match") == ["exact_match"]


@pytest.mark.parametrize(
    ("gold", "predicted", "f1", "em"),
    [
        ("the red cat", "red cat sat", 0.8, 0),
        ("cat", "dog", 0, 0),
        ("cat", "", 0, 0),
        ("A cat!", "cat", 1, 1),
        ("cat cat dog", "cat cat cat", 2 / 3, 0),  # tokens count as often as they occur
        ("red cat", "cat red", 1, 0),  # F1 does not mind the order
        ("the", "a", 0, 1),  # nothing is left of both: no common token, and yet the same
    ],
)
def test_squad_by_hand(gold: str, predicted: str, f1: float, em: float):
    for language in ("english", "chinese"):  # XTREME has one rule for all languages
        assert measure("f1", gold, predicted, language) == pytest.approx(f1)
        assert measure("squad_em", gold, predicted, language) == em


@pytest.mark.parametrize(
    ("language", "gold", "predicted", "f1", "em"),
    [
        ("chinese", "北京市", "北京", 0.8, 0),
        ("chinese", "北京 市", "北京市。", 1, 1),
        ("german", "der Hund", "Hund", 1, 1),
        ("german", "the Hund", "Hund", 2 / 3, 0),
        ("arabic", "الكتاب", "كتاب", 1, 1),
        ("spanish", "la", "el", 0, 1),
    ],
)
def test_mlqa_by_hand(language: str, gold: str, predicted: str, f1: float, em: float):
    assert measure("mlqa_f1", gold, predicted, language) == pytest.approx(f1)
    assert measure("mlqa_em", gold, predicted, language) == em


def test_task_files_may_have_the_languages_of_mlqa():
    assert set(MLQA_LANGUAGES) == set(MLQA_ARTICLES)


def test_mlqa_of_another_language_is_an_error():
    with pytest.raises(CodeStiltsError, match=r"rules.*thai"):
        measure("mlqa_f1", "x", "x", "thai")


def test_the_best_of_all_answers_counts():
    # As read from a file: lists are arrays there.
    answers = [np.array(["big cat", "cat"]), np.array(["dog"])]
    predictions = frame(["big cat", "dog"], ["cat", "the cat"], answers=answers)
    for metric in [*ANSWERED, "squad2_f1", "squad2_em", "exact_match"]:
        assert row_sums(predictions, metric)["numerator"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("answers", "predicted", "f1", "em"),
    [
        ([], "", 1, 1),
        ([], "cat", 0, 0),
        ([], "the", 1, 1),  # nothing is left of it
        (["cat"], "", 0, 0),
        (["the", "cat"], "", 0, 0),  # an answer of which nothing is left does not count ...
        (["the"], "", 1, 1),  # ... unless there is no other
        (["red cat"], "cat", 2 / 3, 0),
    ],
)
def test_squad2_by_hand(answers: list[str], predicted: str, f1: float, em: float):
    predictions = frame([answers[0] if answers else ""], [predicted], answers=[answers])
    assert value(row_sums(predictions, "squad2_f1")) == pytest.approx(f1)
    assert value(row_sums(predictions, "squad2_em")) == em


def test_an_empty_gold_is_no_answer():
    assert measure("squad2_f1", "", "") == measure("squad2_em", "", "") == 1


@pytest.mark.parametrize("metric", ANSWERED)
def test_no_answer_is_an_error_that_names_the_row(metric: str):
    with pytest.raises(CodeStiltsError, match=r"row '1'.*squad2_f1"):
        row_sums(frame(["x", ""], ["x", ""]), metric)


texts = st.text(st.sampled_from("aAn .,'-xyz"), max_size=12)


@settings(deadline=None)
@given(st.lists(texts.filter(bool), min_size=1, max_size=3), texts)
def test_squad_on_ascii_is_what_one_expression_per_step_gives(answers: list[str], predicted: str):
    def tokens(text: str) -> list[str]:
        words = re.findall(r"\S+", re.sub(r"[^a-z\s]", "", text.lower()))
        return [word for word in words if word not in ("a", "an", "the")]

    def f1(gold: list[str], found: list[str]) -> float:
        left = Counter(gold)
        left.subtract(found)
        missed, wrong = sum(max(n, 0) for n in left.values()), sum(max(-n, 0) for n in left.values())
        right = len(gold) - missed
        return right / (right + (missed + wrong) / 2) if right else 0.0

    predictions = frame([answers[0]], [predicted], answers=[answers])
    golds = [tokens(answer) for answer in answers]
    assert value(row_sums(predictions, "f1")) == pytest.approx(max(f1(gold, tokens(predicted)) for gold in golds))
    assert value(row_sums(predictions, "squad_em")) == (tokens(predicted) in golds)


@settings(deadline=None)
@given(st.lists(st.text(max_size=8).filter(bool), min_size=1, max_size=3), st.text(max_size=8))
def test_more_answers_never_lower_a_score(answers: list[str], predicted: str):
    for metric in ANSWERED:
        one, all_ = (
            value(row_sums(frame([answers[0]], [predicted], "chinese", answers=[few]), metric))
            for few in (answers[:1], answers)
        )
        assert 0 <= one <= all_ <= 1
