"""Select the checkpoint of a run that is tested: the last, the best on dev, or each language's own best.

The dev set of the source language is the only one that a zero-shot run may use. The oracle uses that of the target
language and shows what better selection could gain (Keung et al. 2020, arXiv 2004.15001).
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from codestilts.evaluation.metrics.registry import row_sums, value

Evaluations = Mapping[int, pd.DataFrame]  # step -> predictions of dev and test rows


def select(evaluations: Evaluations, metric: str, selection: Sequence[str], source_language: str) -> pd.DataFrame:
    """Return the test predictions of each kind of checkpoint in ``selection``, with columns ``checkpoint``, ``step``.

    Ties go to the later checkpoint. Where the source language has no dev rows, ``dev`` is the last checkpoint. Where a
    language has none, the oracle uses its test rows, so that it is an upper bound everywhere.
    """
    last = max(evaluations)
    languages = _test_languages(evaluations[last])
    frames = []
    for kind in selection:
        if kind == "oracle":
            steps = {language: _best_step(evaluations, metric, language, True) for language in languages}
        else:
            step = _best_step(evaluations, metric, source_language, False) if kind == "dev" else last
            steps = dict.fromkeys(languages, step)
        for language, step in steps.items():
            rows = evaluations[step]
            rows = rows[(rows["split"] == "test") & (rows["language"] == language)]
            frames.append(rows.assign(checkpoint=kind, step=step))
    return pd.concat(frames, ignore_index=True)


def _test_languages(rows: pd.DataFrame) -> list[str]:
    return sorted(set(rows.loc[rows["split"] == "test", "language"]))


def _best_step(evaluations: Evaluations, metric: str, language: str, test_as_dev: bool) -> int:
    """Return the step with the best dev score; ``test_as_dev`` uses the test rows where there are no dev rows."""
    scores = {}
    for step in sorted(evaluations, reverse=True):
        rows = evaluations[step][evaluations[step]["language"] == language]
        dev = rows[rows["split"] == "dev"]
        scores[step] = score(rows if dev.empty and test_as_dev else dev, metric)
    return max(scores, key=scores.__getitem__)


def score(predictions: pd.DataFrame, metric: str) -> float:
    """Return a metric's value on all rows, between 0 and 1; 0 without rows."""
    if predictions.empty:
        return 0.0
    return value(row_sums(predictions, metric))
