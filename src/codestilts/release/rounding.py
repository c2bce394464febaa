"""What rounding does to scores: paired differences of a sample of runs, and the tolerances of scores.

The difference of two scores of a run is a mean over test rows, so its spread falls with the root of their number n. For
each target and metric, ``s`` is the root mean square of the differences times the root of n. The tolerance of a score
is ``q s / sqrt(n)``, where ``q`` is the normal quantile for which a table of scores has a false alarm with probability
:data:`ALPHA` (Bonferroni). It is never smaller than a difference that was measured, nor than what one answer changes:
1 / n, and in an F1, which is 2 tp / (predicted + gold), 2 / (predicted + gold).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from codestilts.columns import SCORE_KEYS
from codestilts.config.analysis_jobs import score_settings
from codestilts.config.computations import COMPUTATIONS
from codestilts.config.study import Study
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.metrics.registry import METRICS
from codestilts.evaluation.scoring import score
from codestilts.job_files import read_parquet
from codestilts.result_files import prediction_files

ALPHA = 0.01  # the probability that a table has a false alarm
SUM_KEYS = ["encoder", "arm", "target", "seed", "checkpoint", "language", "metric", "unit", "label"]
SIDES = ["numerator", "denominator"]


@dataclass(frozen=True)
class Measured:
    """Differences between the runs of a sample and the same runs of the study.

    Attributes:
        scores: One row per computation, run, language and metric: the ``difference`` of scores, and ``n`` test rows.
        sums: The differences of the sums of each unit that are not 0.
        trained: The arms of the sample with intermediate training.
    """

    scores: pd.DataFrame
    sums: pd.DataFrame
    trained: frozenset[str]

    def by_precision(self, own: str) -> dict[str, "Measured"]:
        """Return the differences by the precision of results: that of the study (``own``), and others if measured."""
        others = {COMPUTATIONS[name].precision for name in self.scores["computation"].unique()} - {"", own}
        return {own: self.of_precision("")} | {other: self.of_precision(other) for other in sorted(others)}

    def of_precision(self, precision: str) -> "Measured":
        """Return the differences of the computations in a precision; empty: in that of the study.

        A computation that changes no sum on this machine says nothing about rounding: it is left out, unless there is
        no other.
        """
        chosen = {name for name, computation in COMPUTATIONS.items() if computation.precision == precision}
        chosen = chosen & set(self.sums["computation"]) or chosen
        scores, sums = (table[table["computation"].isin(chosen)] for table in (self.scores, self.sums))
        return Measured(scores, sums, self.trained)


def measure(
    study: Study, results: Path, computations: Mapping[str, Path], pairs: Iterable[tuple[str, str]]
) -> Measured:
    """Compare the predictions of a sample with those of the study.

    Args:
        study: The study.
        results: Its folder of results.
        computations: The folder of each computation's predictions.
        pairs: The encoder-arm pairs of the sample.

    Raises:
        CodeStiltsError: Predictions are missing.
    """
    scores, sums = [], []
    for encoder, arm in pairs:
        ours = _scored(study, results, encoder, arm)
        for name, folder in computations.items():
            theirs = _scored(study, folder, encoder, arm)
            merged = ours[0].merge(theirs[0], on=[*SCORE_KEYS, "metric"], validate="1:1", suffixes=("", " found"))
            merged["difference"] = merged["value found"] - merged["value"]
            scores.append(merged[[*SCORE_KEYS, "metric", "difference", "n"]].assign(computation=name))
            sums.append(_sum_differences(ours[1], theirs[1]).assign(computation=name))
    trained = frozenset(arm for _, arm in pairs if study.parent_arm(arm))
    return Measured(pd.concat(scores, ignore_index=True), pd.concat(sums, ignore_index=True), trained)


def _scored(study: Study, folder: Path, encoder: str, arm: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the values and the sums of a pair with the study's first batch of seeds."""
    seeds = next(iter(study.batches))
    files = prediction_files(folder, encoder, arm, seeds=seeds)
    if not files:
        raise CodeStiltsError(f"{folder}: no predictions of {encoder} after {arm}: make report")
    with TemporaryDirectory() as temporary:
        sums = Path(temporary, "sums.parquet")
        found = score(map(str, files), score_settings(study, encoder, arm), sums)
        return found, read_parquet(sums)


def _sum_differences(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Return the sums that differ; units whose sums are all 0 may be missing on either side."""
    signed = [theirs, ours.assign(**{side: -ours[side] for side in SIDES})]
    total = pd.concat(signed).groupby(SUM_KEYS, sort=True, observed=True)[SIDES].sum()
    return total[(total != 0).any(axis=1)].reset_index()


def answers(sums: pd.DataFrame) -> pd.Series:
    """Return what one answer changes in a score with one test row: at most, for each ``target metric``.

    A score with n test rows changes by the root of n less, as in :func:`score_tolerances`.

    Args:
        sums: Numerators and denominators of an arm.
    """
    labels = sums.groupby([*SCORE_KEYS, "metric", "label"], observed=True)[["denominator", "n"]].sum()
    labels = labels[labels["denominator"] > 0]
    cells = labels.groupby(level=[*SCORE_KEYS, "metric"], observed=True).agg(
        smallest=("denominator", "min"), labels=("denominator", "size"), n=("n", "sum")
    )
    cells = cells.reset_index()
    change = cells["metric"].map(lambda name: METRICS[name].answer) / (cells["smallest"] * cells["labels"])
    return (change * np.sqrt(cells["n"])).groupby(_names(cells)).max()


def score_tolerances(differences: pd.DataFrame, comparisons: int, answers: pd.Series) -> dict[str, float]:
    """Return the tolerance of a score with one test row for each target and metric, as ``target metric``.

    Args:
        differences: Rows of :attr:`Measured.scores`.
        comparisons: The number of scores that are compared.
        answers: What one answer changes, for each target and metric.
    """
    from scipy.stats import norm

    quantile = float(norm.isf(ALPHA / 2 / comparisons))
    of_one = differences["difference"].abs() * np.sqrt(differences["n"])
    names = _names(differences)
    largest = of_one.groupby(names, sort=True).max()
    spread = np.sqrt((of_one**2).groupby(names, sort=True).mean())
    return pd.concat([quantile * spread, largest, answers[largest.index]], axis=1).max(axis=1).round(6).to_dict()


def _names(table: pd.DataFrame) -> pd.Series:
    """Return ``target metric`` of each row."""
    return table["target"].astype(str) + " " + table["metric"].astype(str)
