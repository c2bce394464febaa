"""Mining of translations: pair the texts of two sides by the ratio margin (Artetxe & Schwenk 2019a, section 3)."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from torch import Tensor

from codestilts.evaluation.metrics.ranking import occurs_once
from codestilts.tasktypes.search import Neighbours, nearest_neighbours, take

NEIGHBOURS = 4  # of the ratio margin: k of Artetxe & Schwenk 2019a


def mine(examples: pd.DataFrame, vectors: Tensor, rows: np.ndarray) -> pd.DataFrame:
    """Pair each query with at most one document; a query without one gets an empty prediction.

    As google-research/xtreme mines BUCC (third_party/utils_retrieve.py): of each side's nearest neighbours by cosine
    the one with the highest ratio margin is a candidate. The candidates of both sides are taken from the highest margin
    down, and each text is taken once. Equal texts of a side are searched as one. A query whose text occurs twice, or
    that of its document, is ambiguous and gets an empty prediction.

    Args:
        examples: rows with a ``query``, a ``document`` or both.
        vectors: unit vectors of shape [rows, 2, hidden], of these and perhaps other examples.
        rows: which vectors are those of the examples.

    Returns:
        One row per query: ``gold`` (empty for a query without a partner), ``prediction`` and ``score`` (the margin).
    """
    queries, documents = (distinct_texts(examples[side]) for side in ("query", "document"))
    forward, backward = nearest_neighbours(
        take(vectors[:, 0], rows[queries.row]), take(vectors[:, 1], rows[documents.row]), NEIGHBOURS
    )
    pairs = _candidates(forward, backward)
    partner, score = _take_from_the_highest(pairs, len(queries.row), len(documents.row))
    ids = np.append(
        np.where(documents.unique, examples["id"].to_numpy()[documents.row], ""), ""
    )  # the last: no partner
    prediction = np.where(queries.unique, ids[partner], "")
    gold = examples["id"].where(examples["document"] != "", "")[examples["query"] != ""]
    columns = {"gold": gold, "prediction": prediction[queries.group], "score": score[queries.group]}
    return pd.DataFrame(columns, index=gold.index)


class Texts(NamedTuple):
    """The distinct texts of a side, in order of first occurrence."""

    row: np.ndarray  # of each text's first occurrence
    unique: np.ndarray  # whether no other row has the text
    group: np.ndarray  # which text each non-empty row has


def distinct_texts(side: pd.Series) -> Texts:
    """Group the equal texts of a side; empty ones are left out."""
    rows = np.flatnonzero(side != "")
    texts = side.iloc[rows]
    group, _ = pd.factorize(texts.str.strip())
    new = ~pd.Series(group).duplicated().to_numpy()
    return Texts(rows[new], occurs_once(texts).to_numpy()[new], group)


class Pairs(NamedTuple):
    """Candidate pairs with their ratio margins."""

    query: np.ndarray
    document: np.ndarray
    margin: np.ndarray


def _candidates(forward: Neighbours, backward: Neighbours) -> Pairs:
    """Pair each text of both sides with the neighbour of the highest ratio margin; no pairs if a side is empty."""
    if not forward.values.size:
        nothing = np.empty(0, dtype=np.int64)
        return Pairs(nothing, nothing, np.empty(0))
    means = forward.values.mean(1), backward.values.mean(1)
    margins = forward.values / ((means[0][:, None] + means[1][forward.indices]) / 2)
    reverse = backward.values / ((means[0][backward.indices] + means[1][:, None]) / 2)
    best, best_reverse = margins.argmax(1), reverse.argmax(1)
    queries, documents = np.arange(len(best)), np.arange(len(best_reverse))
    return Pairs(
        query=np.concatenate([queries, backward.indices[documents, best_reverse]]),
        document=np.concatenate([forward.indices[queries, best], documents]),
        margin=np.concatenate([margins[queries, best], reverse[documents, best_reverse]]),
    )


def _take_from_the_highest(pairs: Pairs, queries: int, documents: int) -> tuple[np.ndarray, np.ndarray]:
    """Take pairs from the highest margin down, each text once.

    Returns:
        The document of each query, -1 if it has none, and its margin, the lowest of all if it has none.
    """
    partner, taken = np.full(queries, -1), np.zeros(documents, dtype=bool)
    score = np.full(queries, pairs.margin.min() if len(pairs.margin) else 0.0)
    for index in np.argsort(-pairs.margin, kind="stable"):
        query, document = pairs.query[index], pairs.document[index]
        if partner[query] < 0 and not taken[document]:
            partner[query], taken[document], score[query] = document, True, pairs.margin[index]
    return partner, score
