"""Metrics as ratios of sums: each turns predictions into a numerator and a denominator per row.

The value of a metric on any set of rows is ``sum(numerator) / sum(denominator)``, between 0 and 1. A macro-averaged
metric is the mean of such ratios, one per ``label``. Scoring, bootstrap and report therefore need only sums over units.
Some metrics are reported with others beside them (:func:`reported_metrics`); training, effects and averages use the
main metric of a task.
"""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from codestilts.columns import OF_OUTPUTS
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.metrics.classes import accuracy, binary_f1, macro_f1, micro_f1
from codestilts.evaluation.metrics.code_text import code_exact_match, code_similarity
from codestilts.evaluation.metrics.generation import (
    chrf,
    cut,
    edit_similarity,
    generated_em,
    generated_f1,
    line_exact_match,
    other_language,
    right_language,
    rouge2,
    rouge_l,
    smoothed_bleu4,
    translation_bleu4,
)
from codestilts.evaluation.metrics.ranking import accuracy_at_1, map_at_r, mining_f1, mrr
from codestilts.evaluation.metrics.spans import (
    exact_match,
    mlqa_em,
    mlqa_f1,
    mlqa_mean,
    squad2_em,
    squad2_f1,
    squad_em,
    squad_f1,
    squad_mean,
)
from codestilts.evaluation.metrics.tagging import entity_f1, pos_f1, token_accuracy


class Metric(NamedTuple):
    """What computes a metric row by row, what the report calls it, and what a right answer adds to its numerator."""

    sums: Callable[[pd.DataFrame], pd.DataFrame]
    label: str
    answer: float = 1.0


METRICS = {
    "accuracy": Metric(accuracy, "accuracy"),
    "binary_f1": Metric(binary_f1, "F1 of the positive class", 2.0),
    "micro_f1": Metric(micro_f1, "micro-averaged F1", 2.0),
    "macro_f1": Metric(macro_f1, "F1 averaged over the labels that occur", 2.0),
    # Of which scoring.unit_sums adds the labels that occur nowhere.
    "macro_f1_declared": Metric(macro_f1, "F1 averaged over all declared labels", 2.0),
    "token_accuracy": Metric(token_accuracy, "token accuracy"),
    "entity_f1": Metric(entity_f1, "F1 of entities", 2.0),
    "pos_f1": Metric(
        pos_f1, "F1 of parts of speech (of runs of tags, as seqeval 0.0.12 reads them; its versions differ)", 2.0
    ),
    "exact_match": Metric(exact_match, "exact match"),
    "f1": Metric(squad_f1, "token F1"),
    "squad_em": Metric(squad_em, "exact match (SQuAD)"),
    "squad_mean": Metric(squad_mean, "mean of token F1 and exact match (SQuAD)"),
    "squad2_f1": Metric(squad2_f1, "token F1 (SQuAD 2.0)"),
    "squad2_em": Metric(squad2_em, "exact match (SQuAD 2.0)"),
    "mlqa_f1": Metric(mlqa_f1, "token F1 (MLQA)"),
    "mlqa_em": Metric(mlqa_em, "exact match (MLQA)"),
    "mlqa_mean": Metric(mlqa_mean, "mean of token F1 and exact match (MLQA)"),
    "mrr": Metric(mrr, "mean reciprocal rank"),
    "map_at_r": Metric(map_at_r, "mean average precision at R"),
    "accuracy_at_1": Metric(accuracy_at_1, "accuracy at 1"),
    "mining_f1": Metric(mining_f1, "F1 of mining", 2.0),
    "smoothed_bleu4": Metric(smoothed_bleu4, "smoothed BLEU-4 (CodeXGLUE)"),
    "translation_bleu4": Metric(translation_bleu4, "smoothed BLEU-4 of translations (CodeXGLUE, of each row)"),
    "edit_similarity": Metric(edit_similarity, "edit similarity"),
    "line_exact_match": Metric(line_exact_match, "exact match but for white space"),
    "rouge2": Metric(rouge2, "ROUGE-2"),
    "rouge_l": Metric(rouge_l, "ROUGE-L"),
    "chrf": Metric(chrf, "chrF"),
    "generated_f1": Metric(generated_f1, "token F1 of the output"),
    "generated_em": Metric(generated_em, "exact match of the output"),
    "right_language": Metric(right_language, "share of outputs in the right language"),
    "other_language": Metric(other_language, "share of outputs in another language"),
    "cut": Metric(cut, "share of outputs without an end"),
    "code_similarity": Metric(code_similarity, "edit similarity without white space and capitals"),
    "code_exact_match": Metric(code_exact_match, "exact match without white space and capitals"),
}

REPORTED_TOGETHER = [
    ["squad_mean", "f1", "squad_em"],
    ["mlqa_mean", "mlqa_f1", "mlqa_em"],
    ["squad2_f1", "squad2_em"],
    ["macro_f1", "macro_f1_declared"],
    ["smoothed_bleu4", "rouge_l", "chrf", *OF_OUTPUTS],
    ["code_similarity", "code_exact_match", "edit_similarity", "line_exact_match", *OF_OUTPUTS],
    ["translation_bleu4", "line_exact_match", *OF_OUTPUTS],
    ["rouge_l", "rouge2", "chrf", *OF_OUTPUTS],
    ["generated_f1", "generated_em", "chrf", *OF_OUTPUTS],
]


def reported_metrics(metric: str) -> list[str]:
    """Return the metrics that are reported for a task with this one: the metric itself, then those beside it."""
    own_first = sorted(REPORTED_TOGETHER, key=lambda group: group[0] != metric)
    group = next((group for group in own_first if metric in group), [])
    return [metric, *(name for name in group if name != metric)]


def row_sums(predictions: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Compute a metric row by row.

    Returns:
        The columns ``label``, ``numerator``, ``denominator`` and ``n`` on the index of ``predictions``. There is one
        row per example with the label ``""``; for a macro average there is one for each label that the example has or
        was given, and ``n`` is 1 in the first of them, so that it counts examples.

    Raises:
        CodeStiltsError: The metric does not exist.
    """
    if metric not in METRICS:
        raise CodeStiltsError(f"unknown metric '{metric}': use one of {', '.join(METRICS)}")
    sums = METRICS[metric].sums(predictions)
    return sums if "label" in sums else sums.assign(label="", n=1)


def value(sums: pd.DataFrame) -> float:
    """Return the metric on all of these rows; with nothing to find and nothing found it is 0, as in scikit-learn."""
    totals = sums.groupby("label")[["numerator", "denominator"]].sum()
    totals = totals[totals["denominator"] > 0]
    return float((totals["numerator"] / totals["denominator"]).mean()) if len(totals) else 0.0
