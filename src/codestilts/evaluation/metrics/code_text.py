"""Metrics of generated code that any tokenizer can reach: without white space, capitals and accents.

Word-piece tokenizers know none of them: an encoder that reads ``return thisValue;`` as ``return thisvalue ;`` cannot
write the former. Values therefore compare between encoders, and with baselines that copy texts, but not with published
ones; the official metrics are reported beside them.
"""

import unicodedata

import pandas as pd

from codestilts.evaluation.metrics.classes import ratio


def spelling(text: str) -> str:
    """Return what all tokenizers keep of a text."""
    letters = unicodedata.normalize("NFD", text.lower())
    return "".join(char for char in letters if not char.isspace() and unicodedata.category(char) != "Mn")


def code_exact_match(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return whether the texts have the same :func:`spelling`."""
    pairs = zip(predictions["gold"], predictions["prediction"], strict=True)
    return ratio(predictions.index, [float(spelling(gold) == spelling(found)) for gold, found in pairs], 1.0)


def code_similarity(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the edit similarity of the :func:`spelling` of the texts, between 0 and 1.

    It is that of CodeXGLUE's line completion: the characters of the longest common subsequence, twice, as a share of
    the characters of both.
    """
    from rapidfuzz.distance import Indel

    pairs = zip(predictions["gold"], predictions["prediction"], strict=True)
    values = [Indel.normalized_similarity(spelling(gold), spelling(found)) for gold, found in pairs]
    return ratio(predictions.index, values, 1.0)
