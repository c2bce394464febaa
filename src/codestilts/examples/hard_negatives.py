"""Hard negatives: documentation of another function that shares as many words with the code as the true one does."""

import numpy as np
import pandas as pd

from codestilts.examples.sampling import Settings
from codestilts.examples.text import idf_word_matrix
from codestilts.seeding import derive_seed

FORBIDDEN = 1e6


def assign_negatives(rows: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Rows (id, package, query, document) with ``other_id`` and ``other_query``, another row's documentation.

    The others come from other packages (``within: language``; where there is but one, from that) or from the same
    package (``within: package``, which is harder).
    Option ``negatives: matched``: others are assigned one to one so that the idf-weighted overlap of words with the
    code, as a share of the documentation and in all, differs least from the true documentation's; rows that
    differ by more than ``tolerance`` are dropped. Sampling equally many rows of both values of ``nearer`` (does the
    other overlap more?) then leaves word overlap at chance. Option ``negatives: random``: any others.
    """
    from scipy.optimize import linear_sum_assignment

    package = rows["package"].to_numpy()
    same = package[:, None] == package[None, :]
    apart = settings["within"] == "language" and not same.all()
    forbidden = (same if apart else ~same) | np.eye(len(rows), dtype=bool)
    if settings["negatives"] == "random":
        rng = np.random.default_rng(derive_seed("negatives", *rows["id"]))
        distance, nearer = rng.random(forbidden.shape) * settings["tolerance"], np.zeros(forbidden.shape, dtype=bool)
    else:
        distance, nearer = _distances(rows["query"].tolist(), rows["document"].tolist())
    # At a tie of distance prefer either side alike: a wrong one that overlaps more is rarer, so it comes cheaper.
    cost = np.where(forbidden, FORBIDDEN, np.where(nearer, 0.5 * distance, distance))
    row, other = linear_sum_assignment(cost)
    kept = (distance[row, other] <= settings["tolerance"]) & ~forbidden[row, other]
    result = rows.assign(
        nearer=nearer[row, other],
        other_id=rows["id"].to_numpy()[other],
        other_query=rows["query"].to_numpy()[other],
    )
    return result[kept]


def _distances(queries: list[str], documents: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """[code, documentation]: how far the overlap is from that of the true documentation, and whether it is larger."""
    words = idf_word_matrix([*queries, *documents])
    shared = (words[len(queries) :] @ words[: len(queries)].T).toarray()  # idf of the common words
    weight = np.maximum(np.asarray(words[: len(queries)].multiply(words[: len(queries)]).sum(1)).ravel(), 1e-9)
    share, scale = shared / weight, max(float(np.median(weight)), 1e-9)
    true_share, true_shared = np.diag(share)[:, None], np.diag(shared)[:, None]
    return np.abs(share - true_share) + np.abs(shared - true_shared) / scale, share > true_share
