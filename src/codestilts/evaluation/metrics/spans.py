"""Metrics of answer spans: exact match and token F1 as in the scorers of SQuAD 1.1, SQuAD 2.0 and MLQA.

XTREME (Hu et al. 2020, evaluate.py) scores XQuAD and TyDiQA with the script of SQuAD 1.1 in every language, and MLQA
with that of MLQA. The best of a row's accepted ``answers`` counts; without that column ``gold`` is the only one. A
question without an answer has no ``answers`` and an empty ``gold``.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.evaluation.metrics.classes import ratio

Tokens = list[str]
ENGLISH_ARTICLES = re.compile(r"\b(a|an|the)\b")
ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
# What MLQA removes as articles (Lewis et al. 2020). In Arabic these are the letters of "al-" anywhere in a word.
MLQA_ARTICLES = {
    "english": ENGLISH_ARTICLES,
    "spanish": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "vietnamese": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
    "german": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "arabic": re.compile("ال"),
    "hindi": None,
    "chinese": None,
}
HAN = re.compile(r"([\u4e00-\u9fa5])")  # each of these is a token of Chinese


def exact_match(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return whether the texts are the same, ignoring white space around them.

    SQuAD's normalisation (lower case, no punctuation, no articles) is deliberately not applied: in code, ``a`` and
    ``the`` are names, and ``_x`` is not ``x``.
    """
    pairs = zip(accepted(predictions), predictions["prediction"], strict=True)
    right = [predicted.strip() in [answer.strip() for answer in answers or [""]] for answers, predicted in pairs]
    return ratio(predictions.index, right, 1.0)


def squad_f1(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return token F1 (SQuAD 1.1, Rajpurkar et al. 2016, evaluate-v1.1.py). Raises for a question without an answer."""
    return _answered(predictions, lambda text, _: squad_tokens(text), token_f1)


def squad_em(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return whether the tokens are the same (SQuAD 1.1). Raises for a question without an answer."""
    return _answered(predictions, lambda text, _: squad_tokens(text), same)


def squad_mean(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of F1 and exact match.

    XTREME averages it over tasks (google-research/xtreme, evaluate.py: avg_metric), and jiant selects checkpoints by
    it (jiant/tasks/evaluate/core.py). Raises for a question without an answer.
    """
    return (squad_f1(predictions) + squad_em(predictions)) / 2


def mlqa_f1(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return token F1 by the rules of the row's ``language`` (MLQA, Lewis et al. 2020, mlqa_evaluation_v1.py).

    Raises for a question without an answer and for a language that is not in MLQA.
    """
    return _answered(predictions, mlqa_tokens, token_f1)


def mlqa_em(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return whether the tokens are the same by the rules of the row's ``language``. Raises as :func:`mlqa_f1`."""
    return _answered(predictions, mlqa_tokens, same)


def mlqa_mean(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of MLQA's F1 and exact match, as :func:`squad_mean`. Raises as :func:`mlqa_f1`."""
    return (mlqa_f1(predictions) + mlqa_em(predictions)) / 2


def squad2_f1(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return token F1 of SQuAD 2.0 (Rajpurkar et al. 2018): without an answer, an empty prediction is right."""
    return _answered_or_not(
        predictions, lambda gold, predicted: token_f1(gold, predicted) if gold else same(gold, predicted)
    )


def squad2_em(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return whether the tokens are the same (SQuAD 2.0): without an answer, an empty prediction is right."""
    return _answered_or_not(predictions, same)


def token_f1(gold: Tokens, predicted: Tokens) -> float:
    """Return the F1 of two bags of tokens, between 0 and 1; without a common token it is 0, even if both are empty."""
    common = sum((Counter(gold) & Counter(predicted)).values())
    return 2 * common / (len(gold) + len(predicted)) if common else 0.0


def same(gold: Tokens, predicted: Tokens) -> float:
    """Return 1 for the same tokens in the same order, else 0."""
    return float(gold == predicted)


def squad_tokens(text: str) -> Tokens:
    """Split a text at white space, in lower case, without ASCII punctuation and English articles."""
    return ENGLISH_ARTICLES.sub(" ", text.lower().translate(ASCII_PUNCTUATION)).split()


def mlqa_tokens(text: str, language: str) -> Tokens:
    """Split a text at white space, in Chinese also around ideographs.

    Tokens are in lower case, without punctuation (of Unicode and ASCII) and articles.
    """
    if language not in MLQA_ARTICLES:
        raise CodeStiltsError(f"MLQA has no rules for '{language}', only for {', '.join(MLQA_ARTICLES)}")
    text = "".join(
        char for char in text.lower() if char not in string.punctuation and unicodedata.category(char)[0] != "P"
    )
    articles = MLQA_ARTICLES[language]
    text = articles.sub(" ", text) if articles else text
    return (HAN.sub(r" \1 ", text) if language == "chinese" else text).split()


def accepted(predictions: pd.DataFrame) -> list[list[str]]:
    """Return all accepted answers of each row."""
    if "answers" in predictions:
        return [list(answers) for answers in predictions["answers"]]
    return [[gold] if gold else [] for gold in predictions["gold"]]


def _answered(
    predictions: pd.DataFrame, tokens: Callable[[str, str], Tokens], agreement: Callable[[Tokens, Tokens], float]
) -> pd.DataFrame:
    golds = accepted(predictions)
    for row, answers in zip(predictions["id"], golds, strict=True):
        if not answers:
            raise CodeStiltsError(f"predictions: row '{row}' has no answer: use the metric squad2_f1 or squad2_em")
    rows = zip(golds, predictions["prediction"], predictions["language"], strict=True)
    scores = [
        _best([tokens(answer, language) for answer in answers], tokens(predicted, language), agreement)
        for answers, predicted, language in rows
    ]
    return ratio(predictions.index, scores, 1.0)


def _answered_or_not(predictions: pd.DataFrame, agreement: Callable[[Tokens, Tokens], float]) -> pd.DataFrame:
    # Answers without a token count as none, as in the script of SQuAD 2.0.
    golds = [list(filter(None, map(squad_tokens, answers))) or [[]] for answers in accepted(predictions)]
    rows = zip(golds, predictions["prediction"], strict=True)
    return ratio(
        predictions.index, [_best(answers, squad_tokens(predicted), agreement) for answers, predicted in rows], 1.0
    )


def _best(golds: Iterable[Tokens], predicted: Tokens, agreement: Callable[[Tokens, Tokens], float]) -> float:
    return max(agreement(gold, predicted) for gold in golds)
