"""Retrieval: reciprocal rank, accuracy at 1 (Tatoeba) and mining at a tuned margin (BUCC)."""

import numpy as np
import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.metrics.classes import ratio


def mrr(predictions: pd.DataFrame) -> pd.DataFrame:
    """Reciprocal rank of the right document, which predictions carry as ``score``."""
    return ratio(predictions.index, predictions["score"], 1.0)


def accuracy_at_1(predictions: pd.DataFrame) -> pd.DataFrame:
    """One per query: is the document ranked first the right one?"""
    return ratio(predictions.index, predictions["prediction"] == predictions["gold"], 1.0)


def best_threshold(score: np.ndarray, correct: np.ndarray, pairs: int) -> float:
    """The margin that gives the best F1 when only rows scoring above it count as mined.

    ``score`` and ``correct`` hold one entry a query; ``pairs`` is the number of true pairs. The threshold
    lies halfway between two neighbouring scores, as in the BUCC scorer; ties are never cut apart; infinity
    mines nothing.
    """
    order = np.argsort(-score, kind="stable")
    score, correct = score[order], correct[order]
    mined = np.arange(1, len(score) + 1)
    f1 = 2 * np.cumsum(correct) / (mined + pairs)
    f1[:-1][score[:-1] == score[1:]] = 0.0
    best = int(np.argmax(f1)) if len(f1) else 0
    if not len(f1) or f1[best] == 0:
        return float("inf")
    below = score[best + 1] if best + 1 < len(score) else score[best] - 1.0
    return float((score[best] + below) / 2)


def mining_f1(predictions: pd.DataFrame) -> pd.DataFrame:
    """F1 of mined pairs on the test rows; the margin is tuned on the dev rows of the same arm, seed and
    language.

    A row is a query: ``gold`` is its partner or empty for a distractor, ``prediction`` its best candidate and
    ``score`` the margin of that candidate. F1 = 2 tp / (mined + true pairs) is a ratio of sums; dev rows get
    0 / 0.
    """
    gold = (predictions["gold"] != "").to_numpy()
    correct = gold & (predictions["prediction"] == predictions["gold"]).to_numpy()
    score = predictions["score"].to_numpy(dtype=float)
    dev = (predictions["split"] == "dev").to_numpy()
    mined = np.zeros(len(predictions), dtype=bool)
    cells = predictions[["arm", "seed", "language"]].reset_index(drop=True)
    for _, cell in cells.groupby(["arm", "seed", "language"], sort=True):
        rows = cell.index.to_numpy()
        tuning = rows[dev[rows]]
        if not len(tuning):
            arm, _, language = cell.iloc[0]
            raise CodeStiltsError(
                f"predictions of arm '{arm}': no dev rows in '{language}': mining tunes its margin on them"
            )
        best = best_threshold(score[tuning], correct[tuning], int(gold[tuning].sum()))
        mined[rows] = score[rows] > best
    return ratio(predictions.index, 2.0 * (mined & correct & ~dev), (mined * 1.0 + gold) * ~dev)
