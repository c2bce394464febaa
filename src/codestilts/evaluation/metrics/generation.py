"""Metrics of generated texts, one number per row: their mean is what the official scorers report.

Statistics resample rows, so BLEU of translations and chrF are means over rows too, where the official scorers add up
the counts of all rows first: their values are others.

Programming: the smoothed BLEU of CodeXGLUE's code-to-text, and the edit similarity and exact match of its line
completion (Lu et al. 2021, arXiv 2102.04664). Natural: ROUGE, chrF and token F1. The share of outputs in the right
language is reported beside each, because zero-shot generation often answers in the wrong one (Chirkova, Liang and
Nikoulina 2023, arXiv 2310.09917).

Of a row's accepted ``answers`` the best counts, in BLEU the n-grams of all of them, as in the official scorers; without
that column ``gold`` is the only one.
"""

import math
import operator
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import reduce

import pandas as pd

from codestilts.evaluation.metrics.classes import ratio
from codestilts.evaluation.metrics.spans import Tokens, accepted, same, squad_tokens, token_f1
from codestilts.examples.parsing.languages import is_programming_language

Score = Callable[[str, str], float]  # of a reference and an output
MAX_N = 4  # words of an n-gram of BLEU
TINY = sys.float_info.min  # what CodeXGLUE adds to counts, so that the logarithm of 0 is a number
_BLEU_TOKEN = re.compile(r"[^\W_]+|_|[^\w\s]")
# Thai, Lao, Tibetan, Burmese, Khmer, Japanese and Chinese are written without spaces between words.
_WITHOUT_SPACES = re.compile(
    r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


def smoothed_bleu4(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the smoothed sentence BLEU-4 of CodeXGLUE (Code-Text/code-to-text/evaluator/evaluator.py).

    It adds 1 to the counts of all n-grams but unigrams (Lin and Och 2004), and to both lengths in the brevity penalty,
    so that an empty output of a reference of n tokens has exp(-n) and not 0.
    """

    def score(golds: Sequence[str], predicted: str) -> float:
        return sentence_bleu([bleu_tokens(gold) for gold in golds], bleu_tokens(predicted))

    return _scored(predictions, score)


def sentence_bleu(golds: Sequence[Tokens], predicted: Tokens) -> float:
    """Return the smoothed BLEU-4 of an output and its references, between 0 and 1; the shortest one's length counts."""
    logarithm = 0.0
    for n in range(1, MAX_N + 1):
        smoothing = TINY + (n > 1)
        possible = max(len(predicted) - n + 1, 0)
        logarithm += math.log(_matches(golds, predicted, n) + smoothing) - math.log(possible + smoothing)
    brevity = min(0.0, 1 - (min(map(len, golds)) + 1) / (len(predicted) + 1))
    return math.exp(logarithm / MAX_N + brevity)


def translation_bleu4(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the smoothed BLEU-4 of each row as a corpus of its own, by CodeXGLUE's scorer of translations.

    That scorer (``compute_bleu`` of tensorflow/nmt with ``smooth``; Code-Code/code-to-code-trans and code-refinement)
    splits at white space, keeps capitals, adds 1 to all counts (Lin and Och 2004), and compares lengths as BLEU does
    (Papineni et al. 2002). It adds up the counts of all rows before it divides. Here rows are averaged, because
    statistics resample rows, so values of whole sets differ from the scorer's.
    """
    return _scored(predictions, lambda golds, found: corpus_bleu([list(map(str.split, golds))], [found.split()]))


def corpus_bleu(references: Sequence[Sequence[Tokens]], predictions: Sequence[Tokens]) -> float:
    """Return the smoothed BLEU-4 of a corpus with the references of each output, between 0 and 1."""
    wanted, written = sum(min(map(len, golds)) for golds in references), sum(map(len, predictions))
    if not written:
        return 0.0
    logarithm = 0.0
    for n in range(1, MAX_N + 1):
        pairs = zip(references, predictions, strict=True)
        matches = sum(_matches(golds, predicted, n) for golds, predicted in pairs)
        possible = sum(max(len(predicted) - n + 1, 0) for predicted in predictions)
        logarithm += math.log((matches + 1) / (possible + 1))
    return math.exp(logarithm / MAX_N + min(0.0, 1 - wanted / written))


def bleu_tokens(text: str) -> list[str]:
    """Split a text as CodeXGLUE does: words and single marks in lower case; an underscore is a mark.

    The scorer splits at every mark before it normalises the text as NIST's mteval-v11a does. So of that normalisation
    only one rule has an effect: the underscore, a letter until then, stands alone.
    """
    return _BLEU_TOKEN.findall(text.lower())


def edit_similarity(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the edit similarity of CodeXGLUE (Code-Code/CodeCompletion-line/evaluator/evaluator.py).

    It is ``fuzz.ratio`` of fuzzywuzzy, in whole percent: the characters of the longest common subsequence, twice, as a
    share of the characters of both texts, which python-Levenshtein computes and rapidfuzz does here. This is the
    "Levenshtein edit similarity" of the paper. Without python-Levenshtein fuzzywuzzy falls back on difflib, which finds
    a common subsequence, though not always the longest: both have 43.8 on the scorer's sample, but of two lines of one
    function they have 41 and 38. An exact half of a percent is rounded as its float is, and so as the current
    python-Levenshtein has it; its first releases differ by one percent in such cases. The scorer also replaces
    placeholders of literals (``<STR_LIT>``), which no text of this project has.
    """
    from rapidfuzz.distance import Indel

    return mean_score(
        predictions, lambda gold, predicted: round(100 * Indel.normalized_similarity(predicted.strip(), gold)) / 100
    )


def line_exact_match(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return whether the texts are the same except for white space between words, as CodeXGLUE's line completion does.

    ``a  + b`` is ``a + b``, which ``exact_match`` denies; ``a+b`` is not.
    """
    return mean_score(predictions, lambda gold, predicted: float(gold.split() == predicted.split()))


def rouge2(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the F-measure of ROUGE-2 (Lin 2004) by rouge-score; see :func:`unicode_words` for its words."""
    return _rouge(predictions, "rouge2")


def rouge_l(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the F-measure of ROUGE-L (Lin 2004) by rouge-score; see :func:`unicode_words` for its words."""
    return _rouge(predictions, "rougeL")


def unicode_words(text: str) -> list[str]:
    """Split a text that is not English into words, for ROUGE.

    English is split and stemmed by rouge-score itself (``use_stemmer``, as XL-Sum does: Hasan et al. 2021, arXiv
    2106.13822), but that tokenizer drops all letters outside ASCII. XL-Sum therefore splits other languages at white
    space and Unicode's punctuation, and so does this function: at symbols too, without the stemmers that XL-Sum has for
    some of the languages, and, where no spaces separate words, into characters instead of the words of a segmenter. So
    values of ROUGE compare between systems within a language, not with XL-Sum's own; chrF needs no words.
    """
    return "".join(map(_separated, text.lower())).split()


def chrf(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return chrF (Popović 2015) of each sentence by sacrebleu: up to six characters, beta 2, no words.

    Its mean is not the chrF of a corpus, for which sacrebleu adds up the counts of all sentences before it divides.
    """
    from sacrebleu.metrics import CHRF

    scorer = CHRF()
    return mean_score(predictions, lambda gold, predicted: scorer.sentence_score(predicted, [gold]).score / 100)


def generated_f1(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the token F1 of a generated answer: that of SQuAD 1.1 in natural languages, as in XQuAD.

    SQuAD's normalisation drops punctuation and the words ``a`` and ``the``, which are names in code. So outputs in
    programming languages are only split at white space.
    """
    return _by_language(predictions, token_f1)


def generated_em(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return whether a generated answer has the tokens of a reference, split as for :func:`generated_f1`."""
    return _by_language(predictions, same)


def right_language(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return whether the language that an output was found to be in is the one that it has to be in.

    An output of which the language cannot be told (``found_language`` is "") counts as wrong: left out, an output that
    is empty, noise or broken code would be no error. Rows whose references cannot be told lower the share of every
    system alike; the value of the references themselves (the arm :data:`codestilts.columns.REFERENCES`) is its limit.
    """
    return ratio(predictions.index, predictions["found_language"] == predictions["output_language"], 1.0)


def other_language(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return whether an output was found to be in another language than the one that it has to be in.

    The rest, neither in the right language nor in another one, are outputs of which the language cannot be told.
    """
    found = predictions["found_language"]
    return ratio(predictions.index, (found != "") & (found != predictions["output_language"]), 1.0)


def cut(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return whether an output has no end: it was cut at ``output_tokens`` tokens. Trivial outputs never are."""
    return ratio(predictions.index, predictions.get("cut", 0.0), 1.0)


class _UnicodeTokenizer:
    """A tokenizer for rouge-score."""

    def tokenize(self, text: str) -> list[str]:
        return unicode_words(text)


def _rouge(predictions: pd.DataFrame, name: str) -> pd.DataFrame:
    from rouge_score.rouge_scorer import RougeScorer

    english = RougeScorer([name], use_stemmer=True)
    other = RougeScorer([name], tokenizer=_UnicodeTokenizer())
    rows = zip(references(predictions), predictions["prediction"], predictions["output_language"], strict=True)
    scores = [
        (english if language == "english" else other).score_multi(golds, predicted)[name].fmeasure
        for golds, predicted, language in rows
    ]
    return ratio(predictions.index, scores, 1.0)


def _separated(char: str) -> str:
    """A character of a word, or a space in place of one that is in no word."""
    category = unicodedata.category(char)[0]
    if char.isspace() or category in "PS":
        return " "
    if category == "C":  # such as the zero-width joiner within a word
        return ""
    return f" {char} " if _WITHOUT_SPACES.match(char) else char


def mean_score(predictions: pd.DataFrame, score: Score) -> pd.DataFrame:
    """Return the score of each row's output and the reference that suits it best, with the denominator 1."""
    return _scored(predictions, lambda golds, predicted: max(score(gold, predicted) for gold in golds))


def references(predictions: pd.DataFrame) -> list[list[str]]:
    """Return the references of each row, an empty text if it has none."""
    return [golds or [""] for golds in accepted(predictions)]


def _scored(predictions: pd.DataFrame, score: Callable[[list[str], str], float]) -> pd.DataFrame:
    pairs = zip(references(predictions), predictions["prediction"], strict=True)
    return ratio(predictions.index, [score(golds, predicted) for golds, predicted in pairs], 1.0)


def _by_language(predictions: pd.DataFrame, score: Callable[[Tokens, Tokens], float]) -> pd.DataFrame:
    scores = []
    rows = zip(references(predictions), predictions["prediction"], predictions["output_language"], strict=True)
    for golds, predicted, language in rows:
        split = str.split if is_programming_language(language) else squad_tokens
        scores.append(max(score(split(gold), split(predicted)) for gold in golds))
    return ratio(predictions.index, scores, 1.0)


def _matches(golds: Sequence[Tokens], predicted: Tokens, n: int) -> int:
    """Count the n-grams of an output that a reference has, each as often as the reference that has it most often."""
    return (reduce(operator.or_, (_ngrams(gold, n) for gold in golds)) & _ngrams(predicted, n)).total()


def _ngrams(tokens: Tokens, n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[start : start + n]) for start in range(len(tokens) - n + 1))
