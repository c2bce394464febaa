"""Metrics of generated texts: by hand, and against the libraries that others score with."""

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import CHRF

from codestilts.evaluation.metrics import generation


def table(*pairs, language="english"):
    rows = pd.DataFrame(pairs, columns=["gold", "prediction"])
    return rows.assign(output_language=language, found_language=language, language=language)


def values(metric, *pairs, **columns):
    sums = metric(table(*pairs, **columns))
    assert (sums["denominator"] == 1).all()
    return sums["numerator"].tolist()


def test_bleu_by_hand():
    """CodeXGLUE's counts of n > 1 are increased by 1, and both lengths of the brevity penalty.

    Of four equal words of five, all counts of n-grams are full, so what is left is exp(1 - 6 / 5). For "a x" instead of
    "a b": 1 of 2 words, and with the 1 added 1 of 2 pairs, 1 of 1 and 1 of 1; no penalty. An empty output of a
    reference of three words has exp(-3).
    """
    found = values(
        generation.smoothed_bleu4,
        ("a b c d e", "a b c d"),
        ("a b", "a x"),
        ("a b c d e", "A b  c D e"),
        ("a b c", ""),
        ("snake_case(x)", "snake _ case ( x )"),
    )
    assert found == pytest.approx([math.exp(-0.2), (1 / 2 * 1 / 2) ** (1 / 4), 1, math.exp(-3), 1])


def test_bleu_of_nothing_in_common_is_nearly_zero():
    (found,) = values(generation.smoothed_bleu4, ("a b c d", "w x y z"))
    assert found < 1e-50


def test_edit_similarity_is_rounded_to_a_percent():
    """Twice the common characters of both: 2 x 3 / (4 + 4); 2 x 1 / 3 = .667 -> .67; fuzz.ratio("abcd", "bd") = 67."""
    pairs = ("abcd", "abce"), ("ab", "a"), ("abcd", "bd"), ("abc", "  abc \n"), ("abc", "xyz")
    assert values(generation.edit_similarity, *pairs) == [0.75, 0.67, 0.67, 1, 0]


def test_line_exact_match_splits_at_white_space():
    pairs = ("a + b", "a  +\tb"), ("a + b", "a+b"), ("a", "b")
    assert values(generation.line_exact_match, *pairs) == [1, 0, 0]


def test_rouge_and_chrf_are_those_of_the_libraries():
    gold, found = "the cats sat on the mat", "a cat is sitting on mats"
    scorer = RougeScorer(["rouge2", "rougeL"], use_stemmer=True).score(gold, found)
    assert values(generation.rouge2, (gold, found)) == [scorer["rouge2"].fmeasure]
    assert values(generation.rouge_l, (gold, found)) == [scorer["rougeL"].fmeasure]
    assert values(generation.chrf, (gold, found)) == [CHRF().sentence_score(found, [gold]).score / 100]


def test_rouge_of_other_scripts():
    """Of five words "два" and "три" recur in order: precision 2 / 3, recall 2 / 3; pairs: 1 of 2."""
    pair = ("раз два три", "два три пять")
    assert values(generation.rouge_l, pair, language="russian") == pytest.approx([2 / 3])
    assert values(generation.rouge2, pair, language="russian") == pytest.approx([1 / 2])
    assert generation.unicode_words("你好, world!") == ["你", "好", "world"]


def test_token_f1_keeps_the_names_of_code():
    """SQuAD drops "the" and punctuation in English, so both are equal; in code 1 of 2 tokens is common."""
    pair = ("the end", "end")
    assert values(generation.generated_f1, pair) == [1]
    assert values(generation.generated_f1, pair, language="python") == pytest.approx([2 / 3])


def test_an_unknown_language_is_a_wrong_one():
    rows = table(("x", "x"), ("x", "x"), ("x", "")).assign(found_language=["english", "german", ""])
    assert generation.right_language(rows)["numerator"].tolist() == [1, 0, 0]


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_values_are_shares_and_equal_texts_are_best(gold, found):
    for metric in (generation.smoothed_bleu4, generation.edit_similarity, generation.chrf, generation.rouge_l):
        (value,) = values(metric, (gold, found))
        assert 0 <= value <= 1
    assert values(generation.edit_similarity, (gold.strip(), gold)) == [1]
