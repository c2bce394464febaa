"""Answers that are pieces of text: exact match of code spans, and the token F1 of SQuAD."""

import re
import string
from collections import Counter

import pandas as pd

from codestilts.metrics.classes import ratio

PUNCTUATION = str.maketrans("", "", string.punctuation)


def exact_match(predictions: pd.DataFrame) -> pd.DataFrame:
    """One per example: the same text once outer blanks are gone.

    SQuAD's normalisation (lower case, no punctuation, no articles) is left out on purpose: in code ``a`` and
    ``the`` are names and ``_x`` is not ``x``.
    """
    return ratio(predictions.index, predictions["prediction"].str.strip() == predictions["gold"].str.strip(), 1.0)


def normalise(text: str) -> list[str]:
    """Tokens after SQuAD's normalisation (Rajpurkar et al. 2016, evaluate-v1.1.py)."""
    return re.sub(r"\b(a|an|the)\b", " ", text.lower().translate(PUNCTUATION)).split()


def token_f1(gold: str, predicted: str) -> float:
    """Token F1 of one answer, between 0 and 1; two empty answers agree fully (SQuAD 2.0)."""
    a, b = normalise(gold), normalise(predicted)
    if not a or not b:
        return float(a == b)
    return 2 * sum((Counter(a) & Counter(b)).values()) / (len(a) + len(b))


def squad_f1(predictions: pd.DataFrame) -> pd.DataFrame:
    """Mean token F1 over examples."""
    pairs = zip(predictions["gold"], predictions["prediction"], strict=True)
    return ratio(predictions.index, [token_f1(gold, predicted) for gold, predicted in pairs], 1.0)
