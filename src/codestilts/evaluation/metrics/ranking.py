"""Metrics of retrieval: reciprocal rank, accuracy at 1 (Tatoeba), MAP@R (POJ-104) and F1 of mining (BUCC)."""

import numpy as np
import pandas as pd

from codestilts.columns import SCORE_KEYS
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.metrics.classes import ratio


def mrr(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the reciprocal rank of the right document, which is the ``score`` of a prediction."""
    return ratio(predictions.index, predictions["score"], 1.0)


def accuracy_at_1(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return whether the document ranked first is the right one."""
    return ratio(predictions.index, predictions["prediction"] == predictions["gold"], 1.0)


def map_at_r(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the average precision at R of each query (:func:`average_precision_at_r`), its prediction's ``score``."""
    return ratio(predictions.index, predictions["score"], 1.0)


def average_precision_at_r(similarity: np.ndarray, labels: np.ndarray, first: int = 0) -> np.ndarray:
    """Return the average precision of every query among its R best documents, R being the number of right ones.

    This is how CodeXGLUE scores POJ-104 (Lu et al. 2021, run.py and evaluator.py; R = 499). Another version of its
    evaluator takes the share of right documents instead. Ties count against the query: wrong documents rank before
    right ones, so that a collapsed encoder gets the lowest score possible. CodeXGLUE leaves ties to an unstable sort.

    Args:
        similarity: (queries, n), of a block of consecutive texts to all texts. A text is not a document of its own
            query.
        labels: (n,); the right documents of a query have the same label.
        first: The index of the first query among the texts.

    Returns:
        (queries,), between 0 and 1.

    Raises:
        CodeStiltsError: A label occurs once, so that its query has no document to find.
    """
    labels = np.asarray(labels)
    precision = np.empty(len(similarity))
    for query, row in enumerate(similarity, start=first):
        right = labels == labels[query]
        wrong = np.sort(row[~right])
        right[query] = False
        scores = np.sort(row[right])[::-1]
        if not len(scores):
            raise CodeStiltsError(f"label '{labels[query]}' occurs once: its query has no document to find")
        right_rank = np.arange(1, len(scores) + 1)  # among the right documents
        rank = right_rank + len(wrong) - np.searchsorted(wrong, scores)
        precision[query - first] = np.where(rank <= len(scores), right_rank / rank, 0.0).mean()
    return precision


def nearest_labels(similarity: np.ndarray, labels: np.ndarray, first: int = 0) -> np.ndarray:
    """Return the label of the text that is ranked first for each query; ties count against the query.

    Args:
        similarity: (queries, n), as in :func:`average_precision_at_r`.
        labels: (n,); the right documents of a query have its label.
        first: The index of the first query among the texts.

    Returns:
        (queries,).
    """
    asking = np.arange(len(similarity))
    others = similarity.copy()
    others[asking, first + asking] = -np.inf
    highest = others == others.max(axis=1, keepdims=True)
    wrong = labels[None, :] != labels[first + asking][:, None]
    return np.asarray(labels[(highest * (1 + wrong)).argmax(axis=1)])


def occurs_once(texts: pd.Series) -> pd.Series:
    """Return which texts occur once, ignoring white space around them.

    XTREME (third_party/utils_retrieve.py, ``read_sent2id``) does not score candidates of BUCC with a sentence that
    occurs more than once in its language; a true pair with such a sentence counts as missed.
    """
    return ~texts.str.strip().duplicated(keep=False)


def best_threshold(score: np.ndarray, correct: np.ndarray, pairs: int) -> float:
    """Return the margin with the best F1 if all rows that reach it count as mined.

    As in the BUCC scorers of LASER and XTREME, it lies halfway between two neighbouring scores and is 0 if nothing is
    correct. Unlike there, it never separates ties, and all rows may be mined.

    Args:
        score: The margin of each query's candidate.
        correct: Whether the candidate is the query's partner.
        pairs: The number of true pairs.
    """
    order = np.argsort(-score, kind="stable")
    score, correct = score[order], correct[order]
    true_positives = np.cumsum(correct)
    # The formula of the scorers, not 2 tp / (mined + pairs): between margins with the same F1, rounding decides.
    precision, recall = true_positives / np.arange(1, len(score) + 1), true_positives / max(pairs, 1)
    f1 = 2 * precision * recall / np.where(true_positives > 0, precision + recall, 1.0)
    f1[:-1][score[:-1] == score[1:]] = 0.0
    if not f1.any():
        return 0.0
    best = int(np.argmax(f1))
    return float((score[best] + (score[best + 1] if best + 1 < len(score) else score[best] - 1.0)) / 2)


def mining_f1(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the F1 of mined pairs on test rows; the margin is tuned on the dev rows of the same model and language.

    A row is a query: ``gold`` is its partner, or empty for a distractor, ``prediction`` its candidate, empty if there
    is none, and ``score`` the candidate's margin. F1 = 2 tp / (mined + true pairs) is a ratio of sums; dev rows get
    0 / 0.

    Raises:
        CodeStiltsError: A model has no dev rows in a language.
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
                f"predictions of arm '{arm}': no dev rows in '{language}': mining needs them to tune its margin"
            )
        tuning = rows[dev[rows] & candidate[rows]]
        best = best_threshold(score[tuning], correct[tuning], int(gold[rows[dev[rows]]].sum()))
        mined[rows] = candidate[rows] & (score[rows] >= best)
    return ratio(predictions.index, 2.0 * (mined & correct & ~dev), (mined * 1.0 + gold) * ~dev)
