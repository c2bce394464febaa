"""Retrieval: reciprocal rank, accuracy at 1 (Tatoeba), MAP@R (POJ-104) and mining at a tuned margin (BUCC)."""

import numpy as np
import pandas as pd

from codestilts.columns import SCORE_KEYS
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.metrics.classes import ratio


def mrr(predictions: pd.DataFrame) -> pd.DataFrame:
    """Reciprocal rank of the right document, which predictions carry as ``score``."""
    return ratio(predictions.index, predictions["score"], 1.0)


def accuracy_at_1(predictions: pd.DataFrame) -> pd.DataFrame:
    """One per query: is the document ranked first the right one?"""
    return ratio(predictions.index, predictions["prediction"] == predictions["gold"], 1.0)


def map_at_r(predictions: pd.DataFrame) -> pd.DataFrame:
    """Mean average precision at R; predictions carry each query's, of :func:`average_precision_at_r`, as ``score``."""
    return ratio(predictions.index, predictions["score"], 1.0)


def average_precision_at_r(similarity: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Average precision of every query among its R best documents, where R is the number of right ones.

    As CodeXGLUE scores POJ-104 (Lu et al. 2021, run.py and evaluator.py; R = 499), of whose evaluator there is also a
    version that takes the mere share of right ones.

    ``similarity``: (n, n), of queries to documents, which are the same texts; ``labels``: (n,), whose equals are right.
    A text is no document of its own query. Ties go against the query (wrong documents stand before right ones), so that
    a collapsed encoder scores as little as it may; CodeXGLUE leaves them to an unstable sort. Returns (n,), between 0
    and 1. Raises where a label stands once: its query has nothing to find.
    """
    labels = np.asarray(labels)
    precision = np.empty(len(labels))
    for query, row in enumerate(similarity):
        right = labels == labels[query]
        wrong = np.sort(row[~right])
        right[query] = False
        scores = np.sort(row[right])[::-1]
        if not len(scores):
            raise CodeStiltsError(f"label '{labels[query]}' stands once: its query has no document to find")
        place = np.arange(1, len(scores) + 1)  # among the right ones
        rank = place + len(wrong) - np.searchsorted(wrong, scores)
        precision[query] = np.where(rank <= len(scores), place / rank, 0.0).mean()
    return precision


def once(texts: pd.Series) -> pd.Series:
    """Which texts occur once, apart from white space around them.

    XTREME (third_party/utils_retrieve.py, ``read_sent2id``) leaves every candidate out of the scoring of BUCC one of
    whose sentences occurs again on its side; a true pair of such a sentence stays one that isn't found.
    """
    return ~texts.str.strip().duplicated(keep=False)


def best_threshold(score: np.ndarray, correct: np.ndarray, pairs: int) -> float:
    """The margin that gives the best F1 when the rows that reach it count as mined.

    ``score`` and ``correct`` hold one entry a query; ``pairs`` is the number of true pairs. As in the BUCC scorers of
    LASER and XTREME, it lies halfway between two neighbouring scores and is 0 where nothing is correct; unlike there,
    ties are never cut apart, and all rows may be mined.
    """
    order = np.argsort(-score, kind="stable")
    score, correct = score[order], correct[order]
    found = np.cumsum(correct)
    # Not 2 tp / (mined + pairs): where two margins have the same F1, rounding picks one, and so it is the scorers' one.
    precision, recall = found / np.arange(1, len(score) + 1), found / max(pairs, 1)
    f1 = 2 * precision * recall / np.where(found > 0, precision + recall, 1.0)
    f1[:-1][score[:-1] == score[1:]] = 0.0
    if not f1.any():
        return 0.0
    best = int(np.argmax(f1))
    return float((score[best] + (score[best + 1] if best + 1 < len(score) else score[best] - 1.0)) / 2)


def mining_f1(predictions: pd.DataFrame) -> pd.DataFrame:
    """F1 of mined pairs on the test rows; the margin is tuned on the dev rows of the same model and language.

    A row is a query: ``gold`` is its partner or empty for a distractor, ``prediction`` its candidate (empty: none is
    left for it) and ``score`` the candidate's margin. F1 = 2 tp / (mined + true pairs) is a ratio of sums; dev rows get
    0 / 0. Raises where a cell has no dev rows.
    """
    gold = (predictions["gold"] != "").to_numpy()
    candidate = (predictions["prediction"] != "").to_numpy()
    correct = gold & (predictions["prediction"] == predictions["gold"]).to_numpy()
    score = predictions["score"].to_numpy(dtype=float)
    dev = (predictions["split"] == "dev").to_numpy()
    mined = np.zeros(len(predictions), dtype=bool)
    keys = [name for name in SCORE_KEYS if name in predictions]
    cells = predictions.reset_index(drop=True).groupby(keys, dropna=False)
    for rows in cells.indices.values():
        if not dev[rows].any():
            arm, language = predictions[["arm", "language"]].iloc[rows[0]]
            raise CodeStiltsError(
                f"predictions of arm '{arm}': no dev rows in '{language}': mining tunes its margin on them"
            )
        tuning = rows[dev[rows] & candidate[rows]]
        best = best_threshold(score[tuning], correct[tuning], int(gold[rows[dev[rows]]].sum()))
        mined[rows] = candidate[rows] & (score[rows] >= best)
    return ratio(predictions.index, 2.0 * (mined & correct & ~dev), (mined * 1.0 + gold) * ~dev)
