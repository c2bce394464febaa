"""Metrics of generated code that any tokenizer can reach: without white space, capitals and accents.

Word-piece tokenizers know none of them: an encoder that reads ``return thisValue;`` as ``return thisvalue ;`` cannot
write the former. Values therefore compare between encoders, and with baselines that copy texts, but not with published
ones; the official metrics are reported beside them.
"""

import pandas as pd

from codestilts.evaluation.metrics.generation import mean_score
from codestilts.examples.text import spelling


def code_exact_match(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return whether the texts have the same :func:`spelling`."""
    return mean_score(predictions, lambda gold, found: float(spelling(gold) == spelling(found)))


def code_similarity(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the edit similarity of the :func:`spelling` of the texts, between 0 and 1.

    It is that of CodeXGLUE's line completion: the characters of the longest common subsequence, twice, as a share of
    the characters of both.
    """
    from rapidfuzz.distance import Indel

    return mean_score(predictions, lambda gold, found: Indel.normalized_similarity(spelling(gold), spelling(found)))
