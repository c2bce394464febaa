"""Which checkpoint of a run is tested: the last, the best on the source language's dev, or each language's own best.

Dev of the source language is all that a zero-shot run may look at. The oracle looks at dev of the target language and
shows what better selection could bring (Keung et al. 2020, arXiv 2004.15001).
"""

from collections.abc import Mapping

import pandas as pd

from codestilts.evaluation.metrics.registry import row_sums, value

Checks = Mapping[int, pd.DataFrame]  # step -> predictions of dev and test rows


def select(checks: Checks, metric: str, selection: list[str], source_language: str) -> pd.DataFrame:
    """The test predictions of each kind of checkpoint in ``selection``: columns ``checkpoint`` and ``step`` are added.

    Among equals the later checkpoint wins. Where the source language has no dev rows, ``dev`` is the last one; where a
    language has none, the oracle takes its test rows, so that it is an upper bound everywhere.
    """
    last = max(checks)
    frames = []
    for kind in selection:
        if kind == "oracle":
            steps = {language: _best(checks, metric, language, True) for language in _languages(checks[last])}
        else:
            best = _best(checks, metric, source_language, False) if kind == "dev" else last
            steps = dict.fromkeys(_languages(checks[last]), best)
        for language, step in steps.items():
            rows = checks[step]
            rows = rows[(rows["split"] == "test") & (rows["language"] == language)]
            frames.append(rows.assign(checkpoint=kind, step=step))
    return pd.concat(frames, ignore_index=True)


def _languages(rows: pd.DataFrame) -> list[str]:
    return sorted(set(rows.loc[rows["split"] == "test", "language"]))


def _best(checks: Checks, metric: str, language: str, test_too: bool) -> int:
    def reached(step: int) -> float:
        rows = checks[step][checks[step]["language"] == language]
        dev = rows[rows["split"] == "dev"]
        return score(rows if dev.empty and test_too else dev, metric)

    return max(sorted(checks, reverse=True), key=reached)


def score(predictions: pd.DataFrame, metric: str) -> float:
    """A metric's value on all rows, between 0 and 1; 0 without rows."""
    if predictions.empty:
        return 0.0
    return value(row_sums(predictions, metric))
