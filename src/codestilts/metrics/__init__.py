"""Metrics as ratios of sums: each turns predictions into a numerator and a denominator per row.

A metric's value on any set of rows is ``sum(numerator) / sum(denominator)``, between 0 and 1; a macro-averaged one is
the mean of such ratios, one a ``label``. Sums over clusters are therefore all that scoring, bootstrap and report ever
need.
"""

from collections.abc import Callable

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.metrics.classes import accuracy, binary_f1, macro_f1, micro_f1
from codestilts.metrics.ranking import accuracy_at_1, map_at_r, mining_f1, mrr
from codestilts.metrics.spans import exact_match, mlqa_em, mlqa_f1, squad2_em, squad2_f1, squad_em, squad_f1
from codestilts.metrics.tagging import entity_f1, pos_f1, token_accuracy

METRICS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "accuracy": accuracy,
    "binary_f1": binary_f1,
    "micro_f1": micro_f1,
    "macro_f1": macro_f1,
    "token_accuracy": token_accuracy,
    "entity_f1": entity_f1,
    "pos_f1": pos_f1,
    "exact_match": exact_match,
    "f1": squad_f1,
    "squad_em": squad_em,
    "squad2_f1": squad2_f1,
    "squad2_em": squad2_em,
    "mlqa_f1": mlqa_f1,
    "mlqa_em": mlqa_em,
    "mrr": mrr,
    "map_at_r": map_at_r,
    "accuracy_at_1": accuracy_at_1,
    "mining_f1": mining_f1,
}

LABELS = {
    "accuracy": "accuracy",
    "binary_f1": "F1 of the positive class",
    "micro_f1": "micro-averaged F1",
    "macro_f1": "macro-averaged F1",
    "token_accuracy": "token accuracy",
    "entity_f1": "F1 of entities",
    "pos_f1": "F1 of parts of speech",
    "exact_match": "exact match",
    "f1": "token F1",
    "squad_em": "exact match (SQuAD)",
    "squad2_f1": "token F1 (SQuAD 2.0)",
    "squad2_em": "exact match (SQuAD 2.0)",
    "mlqa_f1": "token F1 (MLQA)",
    "mlqa_em": "exact match (MLQA)",
    "mrr": "mean reciprocal rank",
    "map_at_r": "mean average precision at R",
    "accuracy_at_1": "accuracy at 1",
    "mining_f1": "F1 of mining",
}


def row_sums(predictions: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Columns ``label``, ``numerator``, ``denominator`` and ``n`` of the named metric, on the index of ``predictions``.

    One row an example with the label ``""``, or for a macro average a row for each label that the example has or is
    given; ``n`` (1 for one of an example's rows) counts the examples. Raises :class:`CodeStiltsError` for a metric that
    does not exist.
    """
    if metric not in METRICS:
        raise CodeStiltsError(f"unknown metric '{metric}': use one of {', '.join(METRICS)}")
    sums = METRICS[metric](predictions)
    return sums if "label" in sums else sums.assign(label="", n=1)


def value(sums: pd.DataFrame) -> float:
    """The metric on all of these rows; where there is nothing to find and nothing found, 0 as in scikit-learn."""
    totals = sums.groupby("label")[["numerator", "denominator"]].sum()
    totals = totals[totals["denominator"] > 0]
    return float((totals["numerator"] / totals["denominator"]).mean()) if len(totals) else 0.0
