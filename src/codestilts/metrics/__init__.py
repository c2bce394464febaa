"""Metrics as ratios of sums: each turns predictions into a numerator and a denominator per row.

A metric's value on any set of rows is ``sum(numerator) / sum(denominator)``, between 0 and 1. Sums over
clusters are therefore all that scoring, bootstrap and report ever need.
"""

from collections.abc import Callable

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.metrics.classes import accuracy, token_accuracy
from codestilts.metrics.ranking import accuracy_at_1, mining_f1, mrr
from codestilts.metrics.spans import exact_match, squad_f1

METRICS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "accuracy": accuracy,
    "token_accuracy": token_accuracy,
    "exact_match": exact_match,
    "f1": squad_f1,
    "mrr": mrr,
    "accuracy_at_1": accuracy_at_1,
    "mining_f1": mining_f1,
}

LABELS = {
    "accuracy": "accuracy",
    "token_accuracy": "token accuracy",
    "exact_match": "exact match",
    "f1": "token F1",
    "mrr": "mean reciprocal rank",
    "accuracy_at_1": "accuracy at 1",
    "mining_f1": "F1 of mining",
}


def row_sums(predictions: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Columns ``numerator`` and ``denominator`` (floats, the index of ``predictions``) of the named metric.

    Raises :class:`CodeStiltsError` for a metric that does not exist.
    """
    if metric not in METRICS:
        raise CodeStiltsError(f"unknown metric '{metric}': use one of {', '.join(METRICS)}")
    return METRICS[metric](predictions)
