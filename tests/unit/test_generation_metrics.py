"""Metrics of generated texts against the official scorers, their libraries and values worked out by hand.

Values of CodeXGLUE are those of its evaluators (Code-Text/code-to-text and Code-Code/CodeCompletion-line), run outside
this repository, the second with fuzzywuzzy 0.18.0 and python-Levenshtein 0.27.5.
"""

import math
import subprocess
import sys
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction
from nltk.translate.bleu_score import corpus_bleu as nltk_corpus
from nltk.translate.bleu_score import sentence_bleu as nltk_bleu
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import CHRF

from codestilts.columns import OF_OUTPUTS
from codestilts.evaluation.metrics.generation import bleu_tokens, corpus_bleu, sentence_bleu, unicode_words
from codestilts.evaluation.metrics.registry import reported_metrics, row_sums, value

TEXT = st.text(st.sampled_from("aB1é名 .,_-\n"), max_size=20)
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
# CodeXGLUE's own sample of line completion, literals in place of placeholders as its evaluator puts them.
LINES = [
    ("owner , final Point location )", "owner )", 38),
    ("> models ;", "> openToxModels ;", 67),
    ("= 0 ;", "= string . length ( ) ;", 29),
    ("CallHierarchyMessages . SearchScopeActionGroup_workspace_tooltip ) ;", '"" ) ;', 11),
    ("Ex1 > in1 ;", "? > in ;", 74),
]


def frame(gold: list[str], predicted: list[str], language: str = "english", **more: object) -> pd.DataFrame:
    names = [str(i) for i in range(len(gold))]
    base = {"id": names, "language": language, "output_language": language, "gold": gold, "prediction": predicted}
    return pd.DataFrame({**base, **more})


def measure(metric: str, gold: str, predicted: str, language: str = "english") -> float:
    return value(row_sums(frame([gold], [predicted], language), metric))


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ("Return the node's name_id, v1.5.", "Returns the name_id of a node (v1.5)", 0.2708196375741885),
        ("Sets a value", "Sets the value of x", 0.28574404296988),
        ("Größe der Datei lesen.", "Liest die Größe der Datei", 0.4949232003839765),
        ("the x the y", "the the the the", 0.37991784282579627),
        ("读取文件 now", "读取 文件 now", 0.4854917717073234),
        ("one two", "one\n two\tthree &lt; four", 0.2283945119649991),
        ("a_b", "A _ b", 1.0),
        ("Get item", "...", 0.0),  # the evaluator has 6e-78
    ],
)
def test_bleu_of_codexglue(gold: str, predicted: str, expected: float):
    assert measure("smoothed_bleu4", gold, predicted) == pytest.approx(expected, rel=1e-12, abs=1e-70)


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ("a b c d", "a b c d", 1),
        ("a", "a", 1),  # no n-grams of 2 to 4: (0 + 1) / (0 + 1) each
        ("a b", "a x b", (2 / 3 * 1 / 3 * 1 / 2) ** 0.25),  # too long: no penalty
        ("a b c d", "a b c", math.exp(1 - 5 / 4)),  # all n-grams are there
        ("a b", "", math.exp(-2)),
        ("a b", " \n", math.exp(-2)),
    ],
)
def test_bleu_by_hand(gold: str, predicted: str, expected: float):
    assert measure("smoothed_bleu4", gold, predicted) == pytest.approx(expected)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=9), st.lists(st.sampled_from("abcd"), max_size=6))
def test_bleu_is_that_of_nltk_without_a_brevity_penalty(gold: list[str], more: list[str]):
    """They agree on outputs of 4 tokens or more that are as long as the reference and share a token with it."""
    predicted = [gold[0], *more, *"dddddddd"]
    expected = nltk_bleu([gold], predicted, smoothing_function=SmoothingFunction().method2)
    assert sentence_bleu([gold], predicted) == pytest.approx(expected)


def bleu_by_definition(gold: list[str], predicted: list[str]) -> float:
    """CodeXGLUE's sentence BLEU, written from its formula with fractions and an n-gram at a time.

    The geometric mean of clipped precisions, of which those above unigrams have 1 added above and below (Lin and Och
    2004), times exp(min(0, 1 - (r + 1) / (c + 1))) for r tokens of the reference and c of the output.
    """
    product = 1.0
    for n in range(1, 5):
        left = [tuple(gold[place : place + n]) for place in range(len(gold) - n + 1)]
        found = [tuple(predicted[place : place + n]) for place in range(len(predicted) - n + 1)]
        matches = 0
        for ngram in found:
            if ngram in left:
                left.remove(ngram)
                matches += 1
        added = int(n > 1)
        if matches + added == 0:
            return 0.0 if found else float("nan")
        product *= float(Fraction(matches + added, len(found) + added))
    return product**0.25 * math.exp(min(0.0, 1 - (len(gold) + 1) / (len(predicted) + 1)))


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=12),
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=12),
)
def test_bleu_is_that_of_its_formula_brevity_penalty_included(gold: list[str], predicted: list[str]):
    assert sentence_bleu([gold], predicted) == pytest.approx(bleu_by_definition(gold, predicted), rel=1e-9, abs=1e-70)


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ("int a ;", "int a ;", 1),
        ("int a ;", "int b ;", (3 / 4 * 1 / 3 * 1 / 2 * 1 / 1) ** 0.25),  # 2 of 3, 0 of 2, 0 of 1, 0 of 0, each plus 1
        ("int a ;", "Int a ;", (3 / 4 * 2 / 3 * 1 / 2) ** 0.25),  # capitals count
        ("a b c d", "a b", math.exp(1 - 4 / 2)),
        ("a b", "a b c", (3 / 4 * 2 / 3 * 1 / 2) ** 0.25),  # too long: no penalty
        ("a_b", "a _ b", (1 / 4 * 1 / 3 * 1 / 2) ** 0.25),  # split at white space only
        ("a", " ", 0),
    ],
)
def test_bleu_of_translations_by_hand(gold: str, predicted: str, expected: float):
    assert measure("translation_bleu4", gold, predicted, "java") == pytest.approx(expected)


def test_bleu_of_a_corpus_adds_up_counts_and_lengths():
    """Right are 4 of 5 tokens, 2 of 3 bigrams, 1 of 1 trigram and 0 of 0 longer ones, each plus 1; 5 tokens for 6.

    On the ten lines of its own sample (code-refinement), CodeXGLUE's scorer says 79.03, as this function does.
    """
    golds, predictions = [["a", "b", "c"], ["x", "y", "z"]], [["a", "b", "c"], ["x", "q"]]
    expected = (5 / 6 * 3 / 4 * 2 / 2) ** 0.25 * math.exp(1 - 6 / 5)
    assert corpus_bleu([[gold] for gold in golds], predictions) == pytest.approx(expected)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.sampled_from("abc"), min_size=4, max_size=9), min_size=1, max_size=4))
def test_bleu_of_a_corpus_is_that_of_nltk(golds: list[list[str]]):
    """nltk smooths all orders but the first (method 2), which is 1 in either where all tokens are right."""
    predictions = [[*gold[1:], gold[0]] for gold in golds]
    expected = nltk_corpus([[gold] for gold in golds], predictions, smoothing_function=SmoothingFunction().method2)
    assert corpus_bleu([[gold] for gold in golds], predictions) == pytest.approx(expected)


def test_tokens_of_bleu():
    assert bleu_tokens("Don't call x.y_Z(1.5)\n") == ["don", "'", "t", "call", "x", ".", "y", "_", "z", "(", "1", ".",
                                                      "5", ")"]  # fmt: skip


@pytest.mark.parametrize(
    ("gold", "predicted", "percent"),
    [
        *LINES,
        ("axxxxxxx", "ayyyyyyy", 12),  # 2 of 16 characters: 12.5 is rounded to even
        ("return x;", " return y ;\n", 84),
        ("été = 1;", "ete = 1;", 75),
        ("x", "", 0),
        ("x", "x", 100),
    ],
)
def test_edit_similarity_of_codexglue(gold: str, predicted: str, percent: int):
    assert measure("edit_similarity", gold, predicted) == percent / 100


@pytest.mark.parametrize(("common", "others", "percent"), [(17, 46, 43), (3, 74, 7), (1, 78, 3)])
def test_an_exact_half_of_a_percent_is_rounded_as_its_float_is(common: int, others: int, percent: int):
    """Of 80 characters, 46 in one text only are 42.5 % in common; 1 - 46 / 80 is a float above .425, so 43.

    Likewise 7.5 and 2.5 %. The first releases of python-Levenshtein divide 34 by 80, which is rounded to 42.
    """
    assert measure("edit_similarity", "a" * common + "b" * others, "a" * common) == percent / 100


def test_sample_of_codexglue_s_line_completion():
    sample = frame([gold for gold, _, _ in LINES], [predicted for _, predicted, _ in LINES], "java")
    assert value(row_sums(sample, "edit_similarity")) == pytest.approx(0.438)  # "Edit sim: 43.8, EM: 0.0"
    assert value(row_sums(sample, "line_exact_match")) == 0


@settings(deadline=None, max_examples=60)
@given(st.text("ab c", min_size=1, max_size=12), st.text("ab c", max_size=12))
def test_edit_similarity_is_twice_the_longest_common_subsequence(gold: str, predicted: str):
    predicted = predicted.strip()
    lengths = [[0] * (len(predicted) + 1) for _ in range(len(gold) + 1)]
    for i, one in enumerate(gold):
        for j, other in enumerate(predicted):
            longest = max(lengths[i][j + 1], lengths[i + 1][j])
            lengths[i + 1][j + 1] = lengths[i][j] + 1 if one == other else longest
    # A whole percent, of which halves go to the even one: fuzzywuzzy rounds a float ratio, as Python does.
    percent = round(Fraction(200 * lengths[-1][-1], len(gold) + len(predicted)))
    assert measure("edit_similarity", gold, predicted) == percent / 100


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ("a + b", "a  +\n b ", 1),
        ("a + b", "a+b", 0),  # other tokens, if they are the same ones
        ("a + b", "A + b", 0),
        ("if x:\n    y()", "if x: y()", 1),
        ("a", "", 0),
    ],
)
def test_exact_match_of_lines(gold: str, predicted: str, expected: float):
    assert measure("line_exact_match", gold, predicted, "python") == expected


def test_rouge_by_hand():
    gold, predicted = "The quick brown fox jumps over the lazy dog", "The quick brown dog jumps on the log."
    assert measure("rouge2", gold, predicted) == pytest.approx(2 * 2 / (8 + 7))  # "the quick", "quick brown"
    assert measure("rouge_l", gold, predicted) == pytest.approx(2 * 5 / (9 + 8))  # the quick brown jumps the


def test_only_english_is_stemmed():
    assert measure("rouge2", "returning the nodes", "Returns the node") == 1
    assert measure("rouge2", "returning the nodes", "Returns the node", "german") == 0


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("russian", "«Красная» Площадь, Москва!", ["красная", "площадь", "москва"]),
        ("hindi", "हिन्दी में।", ["हिन्दी", "में"]),  # vowel signs are marks, not letters
        ("german", "Größe_1 + 2–3", ["größe", "1", "2", "3"]),
        ("turkish", "İki", ["i̇ki"]),
        ("arabic", "ما هي؟", ["ما", "هي"]),
        ("chinese", "北京2008年。", ["北", "京", "2008", "年"]),
        ("japanese", "かな漢字", ["か", "な", "漢", "字"]),
        ("thai", "ไทย", ["ไ", "ท", "ย"]),
        ("korean", "한국어 문서", ["한국어", "문서"]),
        ("persian", "می\u200cخواهم", ["میخواهم"]),  # a zero-width non-joiner is within a word
        ("german", "!? …\n", []),
        ("german", "", []),
    ],
)
def test_words_that_are_not_english(language: str, text: str, words: list[str]):
    assert unicode_words(text) == words
    assert measure("rouge_l", text or "x", text, language) == bool(words)


def test_rouge_of_chinese_by_hand():
    assert measure("rouge2", "我爱北京", "我爱上海", "chinese") == pytest.approx(1 / 3)  # one of three bigrams each


@settings(deadline=None, max_examples=60)
@given(ASCII, ASCII)
def test_rouge_is_that_of_its_library(gold: str, predicted: str):
    for name, metric in (("rouge2", "rouge2"), ("rougeL", "rouge_l")):
        for language in ("english", "finnish"):  # without stemmers, the words of ASCII are the same
            scorer = RougeScorer([name], use_stemmer=language == "english")
            expected = scorer.score(gold, predicted)[name].fmeasure
            assert measure(metric, gold, predicted, language) == expected


def test_chrf_by_hand():
    assert measure("chrf", "ab", "ac") == pytest.approx(0.25)  # one of two characters, none of one bigram
    assert measure("chrf", "Größe", "Größe") == pytest.approx(1)
    assert measure("chrf", "Größe", "") == 0


@settings(deadline=None, max_examples=60)
@given(TEXT, TEXT)
def test_chrf_is_that_of_sacrebleu(gold: str, predicted: str):
    expected = CHRF(char_order=6, word_order=0, beta=2).sentence_score(predicted, [gold]).score / 100
    assert measure("chrf", gold, predicted) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("language", "gold", "predicted", "expected"),
    [
        ("english", "The Denver Broncos", "denver broncos.", 1),
        ("german", "die Stadt Wien", "Stadt Graz", 2 / 5),  # "die" is no article of SQuAD
        ("english", "1998", "", 0),
        ("python", "a = the + _x", "= the + x", 2 * 3 / 9),  # names and marks stay
        ("invented", "f^ x $", "f ^ x $", 2 * 2 / 7),
    ],
)
def test_token_f1(language: str, gold: str, predicted: str, expected: float):
    assert measure("generated_f1", gold, predicted, language) == pytest.approx(expected)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(ASCII, ASCII), min_size=1, max_size=5))
def test_token_f1_of_natural_languages_is_that_of_squad(pairs: list[tuple[str, str]]):
    rows = frame([gold or "x" for gold, _ in pairs], [predicted for _, predicted in pairs])
    assert row_sums(rows, "generated_f1")["numerator"].tolist() == row_sums(rows, "f1")["numerator"].tolist()


def test_the_best_of_several_answers_counts():
    rows = frame(["the Broncos", "x"], ["Denver Broncos", "y"], answers=[["the Broncos", "Denver"], ["x", "x y z w"]])
    assert row_sums(rows, "generated_f1")["numerator"].tolist() == [pytest.approx(2 / 3), 2 / 5]


ACCEPTED = ["Returns the size", "Gets the number of items in the list"]


@pytest.mark.parametrize(
    "metric",
    ["smoothed_bleu4", "translation_bleu4", "edit_similarity", "line_exact_match", "rouge2", "rouge_l", "chrf",
     "generated_f1", "generated_em", "code_similarity", "code_exact_match"],
)  # fmt: skip
def test_each_accepted_answer_is_right(metric: str):
    rows = frame([ACCEPTED[0]] * 3, [*ACCEPTED, "number of size"], answers=[ACCEPTED] * 3)
    scores = row_sums(rows, metric)["numerator"].tolist()
    assert scores[:2] == [pytest.approx(1)] * 2 and scores[2] < 1


def test_bleu_of_several_references_by_hand():
    """An n-gram counts as often as the reference that has it most often; the shortest reference's length counts."""
    golds, predicted = [["a", "a", "b"], ["b", "b"]], ["b", "b", "a"]
    # 3 of 3 tokens (b b of the second, a of the first), "b b" of 2 bigrams, none of 1 trigram and of 0 longer ones
    assert sentence_bleu(golds, predicted) == pytest.approx((3 / 3 * 2 / 3 * 1 / 2 * 1 / 1) ** 0.25)
    assert corpus_bleu([golds], [predicted]) == pytest.approx((4 / 4 * 2 / 3 * 1 / 2 * 1 / 1) ** 0.25)
    short = [["a", "b", "c", "d", "e"], ["a", "b", "c"]]
    assert sentence_bleu(short, ["a", "b"]) == pytest.approx(math.exp(1 - 4 / 3))
    assert corpus_bleu([short], [["a", "b"]]) == pytest.approx(math.exp(1 - 3 / 2))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.sampled_from("abc"), min_size=4, max_size=7), min_size=1, max_size=3))
def test_bleu_of_several_references_is_that_of_nltk(golds: list[list[str]]):
    """They agree on outputs that are no shorter than a reference: neither has a penalty then."""
    predicted = [golds[0][0], *golds[-1], *"dddd"]
    expected = nltk_bleu(golds, predicted, smoothing_function=SmoothingFunction().method2)
    assert sentence_bleu(golds, predicted) == pytest.approx(expected)


@settings(deadline=None, max_examples=40)
@given(gold=ASCII, other=ASCII, predicted=ASCII)
def test_chrf_of_several_references_is_that_of_sacrebleu(gold: str, other: str, predicted: str):
    rows = frame([gold], [predicted], answers=[[gold, other]])
    expected = CHRF().sentence_score(predicted, [gold, other]).score / 100
    assert value(row_sums(rows, "chrf")) == pytest.approx(expected, abs=1e-9)


def test_an_exact_match_of_code_keeps_its_names():
    rows = frame(["return a the x"] * 2, ["return the x", "return  a the x"], "go")
    assert row_sums(rows, "generated_em")["numerator"].tolist() == [0, 1]
    english = frame(["the red car."], ["Red car"])
    assert value(row_sums(english, "generated_em")) == value(row_sums(english, "squad_em")) == 1


def test_an_unknown_language_is_a_wrong_one():
    rows = frame(["x"] * 4, ["x", "y", "", "z"], found_language=["english", "german", "", "english"])
    sums = row_sums(rows, "right_language")
    assert sums["numerator"].tolist() == [1, 0, 0, 1] and sums["denominator"].tolist() == [1] * 4


def test_cut_outputs_are_counted():
    assert value(row_sums(frame(["x"] * 4, ["y"] * 4, cut=[True, False, False, False]), "cut")) == 0.25
    assert value(row_sums(frame(["x"], ["y"]), "cut")) == 0  # a trivial output has an end


def test_the_right_language_is_reported_beside_every_metric_of_generation():
    for metric in ("smoothed_bleu4", "edit_similarity", "rouge2", "rouge_l", "generated_f1", "translation_bleu4"):
        assert reported_metrics(metric)[0] == metric and reported_metrics(metric)[-3:] == list(OF_OUTPUTS)
    assert reported_metrics("rouge_l")[1:] == [
        "rouge2",
        "chrf",
        "right_language",
        "other_language",
        "cut",
    ]  # of summaries, not of descriptions
    assert "right_language" not in reported_metrics("squad_em") + reported_metrics("exact_match")


def test_an_output_is_in_the_right_language_in_another_one_or_in_none_that_can_be_told():
    found = ["go", "rust", "", "go", "c", ""]
    rows = frame(["a"] * 6, ["b"] * 6, "go").assign(found_language=found, cut=[False] * 5 + [True])
    assert [value(row_sums(rows, metric)) for metric in OF_OUTPUTS] == pytest.approx([2 / 6, 2 / 6, 1 / 6])


@pytest.mark.parametrize("metric", ["smoothed_bleu4", "translation_bleu4", "edit_similarity", "line_exact_match",
                                    "rouge2", "rouge_l", "chrf", "generated_f1"])  # fmt: skip
@settings(deadline=None, max_examples=30)
@given(gold=TEXT, predicted=TEXT)
def test_metrics_are_shares_and_a_copy_of_words_is_right(metric: str, gold: str, predicted: str):
    index = pd.Index([7, 3])
    rows = frame([f"word {gold}x"] * 2, [predicted, f"word {gold}x"], "german").set_index(index)
    sums = row_sums(rows, metric)
    assert sums.index.equals(index) and (sums["denominator"] == 1).all() and (sums["n"] == 1).all()
    assert sums["numerator"].between(0, 1).all() and sums["numerator"].iloc[1] == pytest.approx(1)


def test_scoring_loads_no_scorer_that_it_does_not_use():
    code = "import sys, codestilts.evaluation.scoring; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "codestilts.evaluation.metrics.generation" in loaded
    assert not {"nltk", "rouge_score", "sacrebleu", "rapidfuzz", "lingua"} & set(loaded)
