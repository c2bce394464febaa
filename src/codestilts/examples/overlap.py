"""Hard negatives: documentation of another function that shares as many words with the code as the true one does."""

import numpy as np
import pandas as pd

from codestilts.examples.sampling import Settings, choose
from codestilts.examples.text import weighted_words

NONE = ["nearer", "other_id", "other_query"]


def matched_negatives(rows: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Rows of one package (id, query, document) with ``other_id`` and ``other_query``, another row's documentation.

    Option ``negatives: matched``: others are assigned one to one so that the idf-weighted overlap of words with the
    code, as a share of the documentation and in all, differs least from the true documentation's; rows that
    differ by more than ``tolerance`` are dropped. Sampling equally many rows of both values of ``nearer`` (does the
    other overlap more?) then leaves word overlap at chance. Option ``negatives: random``: any other row's.
    """
    if len(rows) < 2:
        return rows.head(0).assign(nearer=False, other_id="", other_query="")
    if settings["negatives"] == "random":
        shift = choose(range(1, len(rows)), "negatives", rows["id"].iloc[0])
        other = np.roll(np.arange(len(rows)), shift)
        cost, nearer = np.zeros(len(rows)), np.zeros(len(rows), dtype=bool)
    else:
        other, cost, nearer = _assign(rows)
    result = rows.assign(
        nearer=nearer,
        other_id=rows["id"].to_numpy()[other],
        other_query=rows["query"].to_numpy()[other],
    )
    return result[cost <= float(settings["tolerance"])]


def _assign(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each row's other, how far apart the overlaps are, and whether the other's is the larger."""
    from scipy.optimize import linear_sum_assignment

    count = len(rows)
    words = weighted_words([*rows["query"], *rows["document"]])
    queries, documents = words[:count], words[count:]
    shared = (documents @ queries.T).toarray()  # [code, documentation]: idf of the common words
    weight = np.maximum(np.asarray(queries.multiply(queries).sum(1)).ravel(), 1e-9)
    share = shared / weight
    scale = max(float(np.median(weight)), 1e-9)
    true_share, true_shared = np.diag(share)[:, None], np.diag(shared)[:, None]
    cost = np.abs(share - true_share) + np.abs(shared - true_shared) / scale
    # At a tie of distance prefer either side alike: a wrong one that overlaps more is rarer, so it comes cheaper.
    cost = np.where(share > true_share, 0.5 * cost, cost)
    np.fill_diagonal(cost, 1e6)
    _, other = linear_sum_assignment(cost)
    row = np.arange(count)
    distance = np.abs(share[row, other] - true_share[:, 0]) + np.abs(shared[row, other] - true_shared[:, 0]) / scale
    return other, distance, share[row, other] > true_share[:, 0]
