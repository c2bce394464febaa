"""Rankings of intermediate tasks, judged by the effects that were measured afterwards.

A ranking is good if the task that it puts first, or one of the first three, helps the target about as much as the best
one. The measured effects have errors of their own, so the best task is partly the luckiest one: no ranking can be
expected to reach a regret of 0.
"""

from itertools import combinations

import numpy as np
import pandas as pd

# What tasks are ranked by, the highest first (:mod:`codestilts.training.transferability`), in the order of tables.
RANKINGS = ["log_me", "similarity", "size", "same_form", "same_domain"]
RANDOM = "random"  # all tasks are equal
MEASURES = ["regret_1", "regret_3", "ndcg"]
COLUMNS = ["target", "ranking", "tasks", "first", "best", *MEASURES]
SUMMARY = ["ranking", "targets", *MEASURES]


def measured_scores(predicted: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """Add the measured ``effect`` on zero-shot languages and the ``score`` after the task to an encoder's predictions.

    Args:
        predicted: One row for each arm and target.
        effects: The table of effects of the encoder. An arm without an effect on a target is left out.
    """
    chosen = (effects["language_set"] == "zero_shot") & (effects["scope_kind"] == "target") & (effects["kind"] == "arm")
    measured = effects.loc[chosen, ["arm", "scope", "none", "effect"]].rename(columns={"scope": "target"})
    table = predicted.merge(measured, on=["arm", "target"])
    return table.assign(score=table["none"] + table["effect"])


def judged(scores: pd.DataFrame) -> pd.DataFrame:
    """Judge every ranking for every target with at least two tasks.

    Args:
        scores: The table of :func:`measured_scores`.

    Returns:
        ``tasks``, their number; ``first``, the arm or arms that are ranked first, empty if all are equal; ``best``, the
        arm or arms with the highest score; ``regret_1`` and ``regret_3`` (:func:`regret`); and ``ndcg`` (:func:`ndcg`).
        A ranking without a value for one of the tasks has no row, nor has a target that scores the same after all
        tasks, for which no order is better than another.
    """
    rows = []
    for target, table in scores.assign(**{RANDOM: 0}).groupby("target", sort=False):
        score = table["score"].to_numpy()
        best = " ".join(table.loc[score == score.max(), "arm"])
        for ranking in [*RANKINGS, RANDOM] if np.ptp(score) > 0 else []:
            predicted = table[ranking].to_numpy(dtype=float)
            if np.isnan(predicted).any():
                continue
            highest = predicted == predicted.max()
            first = "" if highest.all() else " ".join(table.loc[highest, "arm"])
            row = {"target": target, "ranking": ranking, "tasks": len(table), "first": first}
            row |= {"best": best, "ndcg": ndcg(score, predicted)}
            rows.append(row | {f"regret_{k}": regret(score, predicted, k) for k in (1, 3)})
    return pd.DataFrame(rows, columns=COLUMNS)


def regret(scores: np.ndarray, predicted: np.ndarray, k: int) -> float:
    """Return how much lower the best of the first k tasks scores than the best of all, in percent of the latter.

    This is the Regret@k of Renggli et al. 2022 (arXiv 2010.06402) as Poth et al. 2021 (arXiv 2104.08247) use it for
    intermediate tasks. If tasks that are ranked equally compete for the last places, it is the mean over all choices.
    """
    k = min(k, len(scores))
    threshold = np.sort(predicted)[-k]
    sure, equal = scores[predicted > threshold], scores[predicted == threshold]
    places = k - len(sure)
    reached = np.mean([max([*sure, *some]) for some in combinations(equal, places)])
    best = scores.max()
    return float(100 * (best - reached) / best) if best > 0 else float("nan")


def ndcg(scores: np.ndarray, predicted: np.ndarray) -> float:
    """Return the normalised discounted cumulative gain (0 to 1); the gain of a task is its score above the worst one.

    With the scores themselves as gains, any order would be near 1, because they differ by a few points only. Tasks that
    are ranked equally share their gains. It is NaN if all scores are equal.
    """
    from sklearn.metrics import ndcg_score

    gains = scores - scores.min()
    return float(ndcg_score([gains], [predicted])) if gains.any() else float("nan")


def summary(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return the mean of each measure over targets, and the mean difference from a random order with its interval.

    The interval is that of Student's t over the targets; with one target there is none.

    Args:
        table: The table of :func:`judged`.
        confidence: The probability of the intervals.
    """
    by_random = table[table["ranking"] == RANDOM].set_index("target")
    rows = []
    for ranking, part in table.groupby("ranking", sort=False):
        row = {"ranking": ranking, "targets": len(part), **part[MEASURES].mean()}
        for name in MEASURES if ranking != RANDOM else []:
            difference = (part.set_index("target")[name] - by_random[name]).dropna()
            row |= dict(zip(_columns(name), _mean_and_interval(difference.to_numpy(), confidence), strict=True))
        rows.append(row)
    return pd.DataFrame(rows, columns=[*SUMMARY, *(column for name in MEASURES for column in _columns(name))])


def _columns(measure: str) -> list[str]:
    return [f"{measure}_{part}" for part in ("difference", "low", "high")]


def _mean_and_interval(values: np.ndarray, confidence: float) -> tuple[float, float, float]:
    from scipy import stats

    if len(values) < 2:
        return float(values.mean()) if len(values) else float("nan"), float("nan"), float("nan")
    mean, error = values.mean(), stats.sem(values)
    half = error * stats.t.ppf((1 + confidence) / 2, len(values) - 1)
    return float(mean), float(mean - half), float(mean + half)
