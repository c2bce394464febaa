"""Hard negatives: documentation of another function that shares as many words with the code as the true one does."""

import numpy as np
import pandas as pd

from codestilts.examples.builder_settings import BuilderSettings
from codestilts.examples.sampling import shuffle_diverse
from codestilts.examples.text import idf_word_matrix
from codestilts.seeding import derive_seed

# The cost of a pair that must not be made: far above any distance (below 2 in the pocket study), so that such a pair is
# chosen only where a row has no other.
FORBIDDEN_COST = 1e6
# The discount of a partner that overlaps more with the code than the true documentation does. Such partners are rarer:
# among 600 Python functions 21 % of the assigned partners are nearer without a discount and 34 % with it (pocket
# study).
NEARER_DISCOUNT = 0.5
# At least this many functions are searched for negatives, however few are asked for: 58 % of 200 Python functions have
# a partner within the tolerance, 62 % of 600 and 65 % of 800 (test split of the pocket study).
MIN_POOL = 600


def pair_with_negatives(
    rows: pd.DataFrame, settings: BuilderSettings, count: int, block: int, by: tuple[str, ...]
) -> pd.DataFrame:
    """Sample ``count`` rows that have a hard negative (see :func:`assign_negatives`).

    Args:
        rows: The candidates, of one split and language.
        settings: The option ``pool`` is the number of candidates that are searched for each row asked for.
        count: The number of rows to sample.
        block: The number of rows that are compared with each other at once (memory grows with its square).
        by: The columns whose groups take turns.
    """
    pool = shuffle_diverse(rows, settings.task).head(max(count * settings.required("pool"), MIN_POOL))
    blocks = np.array_split(np.arange(len(pool)), -(-len(pool) // block))
    paired = pd.concat([assign_negatives(pool.iloc[indices], settings) for indices in blocks])
    return shuffle_diverse(paired, settings.task, by=by).head(count)


def assign_negatives(rows: pd.DataFrame, settings: BuilderSettings) -> pd.DataFrame:
    """Add ``other_id`` and ``other_query``, the id and documentation of another row, to the rows that have a partner.

    Partners come from other packages (option ``within: language``; from the same one if there is only one) or from the
    same package (``within: package``, which is harder). With the option ``negatives: random`` any of them is taken.
    With ``negatives: matched`` rows are assigned one to one so that the idf-weighted word overlap with the code, both
    absolute and as a share of the documentation, differs least from the true documentation's. Rows that differ by more
    than ``tolerance`` are dropped. The column ``nearer`` tells whether the partner overlaps more than the true
    documentation; sampling both values equally often leaves word overlap at chance.

    Args:
        rows: Rows with id, package, query (documentation) and document (code).
        settings: The options ``within``, ``negatives`` and ``tolerance``.
    """
    from scipy.optimize import linear_sum_assignment

    package, tolerance = rows["package"].to_numpy(), settings.required("tolerance")
    same_package = package[:, None] == package[None, :]
    other_package = settings.required("within") == "language" and not same_package.all()
    forbidden = (same_package if other_package else ~same_package) | np.eye(len(rows), dtype=bool)
    if settings.required("negatives") == "random":
        rng = np.random.default_rng(derive_seed("negatives", *rows["id"]))
        distance, nearer = rng.random(forbidden.shape) * tolerance, np.zeros(forbidden.shape, dtype=bool)
    else:
        distance, nearer = _overlap_distances(rows["query"].tolist(), rows["document"].tolist())
    cost = np.where(forbidden, FORBIDDEN_COST, np.where(nearer, NEARER_DISCOUNT * distance, distance))
    row, other = linear_sum_assignment(cost)
    accepted = (distance[row, other] <= tolerance) & ~forbidden[row, other]
    result = rows.assign(
        nearer=nearer[row, other],
        other_id=rows["id"].to_numpy()[other],
        other_query=rows["query"].to_numpy()[other],
    )
    return result[accepted]


def _overlap_distances(queries: list[str], documents: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Compare the word overlap of every code and documentation with that of the code and its true documentation.

    Returns:
        Two arrays [code, documentation]: the distance between the overlaps, and whether the overlap is larger.
    """
    words = idf_word_matrix([*queries, *documents])
    query_words, document_words = words[: len(queries)], words[len(queries) :]
    shared = (document_words @ query_words.T).toarray()  # summed idf of the common words
    weight = np.maximum(np.asarray(query_words.multiply(query_words).sum(1)).ravel(), 1e-9)
    share, scale = shared / weight, max(float(np.median(weight)), 1e-9)
    true_share, true_shared = np.diag(share)[:, None], np.diag(shared)[:, None]
    return np.abs(share - true_share) + np.abs(shared - true_shared) / scale, share > true_share
