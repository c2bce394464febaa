"""Mining of translations: pair the texts of two sides by the ratio margin (Artetxe & Schwenk 2019a, section 3)."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from torch import Tensor

from codestilts.evaluation.metrics.ranking import occurs_once

NEIGHBOURS = 4  # of the ratio margin: k of Artetxe & Schwenk 2019a
# Similarities that are in memory at once: 256 MB in fp32 on a CPU, 4 GB on a GPU.
CPU_BLOCK = 1 << 26
GPU_BLOCK = 1 << 30


def mine(examples: pd.DataFrame, states: Tensor) -> pd.DataFrame:
    """Pair each query with at most one document; a query without one gets an empty prediction.

    As google-research/xtreme mines BUCC (third_party/utils_retrieve.py): of each side's nearest neighbours by cosine
    the one with the highest ratio margin is a candidate. The candidates of both sides are taken from the highest margin
    down, and each text is taken once. Equal texts of a side are searched as one. A query whose text occurs twice, or
    that of its document, is ambiguous and gets an empty prediction.

    Args:
        examples: rows with a ``query``, a ``document`` or both.
        states: unit vectors of shape [rows, 2, hidden].

    Returns:
        One row per query: ``gold`` (empty for a query without a partner), ``prediction`` and ``score`` (the margin).
    """
    queries, documents = (distinct_texts(examples[side]) for side in ("query", "document"))
    forward, backward = nearest_neighbours(states[queries.row, 0], states[documents.row, 1])
    pairs = _candidates(forward, backward)
    partner, score = _take_from_the_highest(pairs, len(queries.row), len(documents.row))
    ids = np.where(documents.unique, examples["id"].to_numpy()[documents.row], "")
    prediction = np.where((partner >= 0) & queries.unique, ids[partner], "")
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


class Neighbours(NamedTuple):
    """The nearest neighbours of each text of a side, at most :data:`NEIGHBOURS`, from the nearest down."""

    values: np.ndarray  # cosines
    indices: np.ndarray


class Pairs(NamedTuple):
    """Candidate pairs with their ratio margins."""

    query: np.ndarray
    document: np.ndarray
    margin: np.ndarray


def _candidates(forward: Neighbours, backward: Neighbours) -> Pairs:
    """Pair each text of both sides with the neighbour of the highest ratio margin."""
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
    score = np.full(queries, pairs.margin.min())
    for index in np.argsort(-pairs.margin, kind="stable"):
        query, document = pairs.query[index], pairs.document[index]
        if partner[query] < 0 and not taken[document]:
            partner[query], taken[document], score[query] = document, True, pairs.margin[index]
    return partner, score


def nearest_neighbours(queries: Tensor, documents: Tensor) -> tuple[Neighbours, Neighbours]:
    """Find those of the queries among the documents and the reverse, comparing a block of pairs at a time."""
    block = GPU_BLOCK if queries.is_cuda else CPU_BLOCK
    step = max(1, block // max(len(documents), 1))
    forward: list[Neighbours] = []
    backward: Neighbours | None = None
    for start in range(0, len(queries), step):
        similarity = _similarity(queries[start : start + step], documents)
        forward.append(_highest(similarity))
        nearest = _highest(similarity.T)
        nearest = Neighbours(nearest.values, nearest.indices + start)
        backward = _merge(backward, nearest) if backward else nearest
    assert backward
    return Neighbours(*(np.concatenate(parts) for parts in zip(*forward, strict=True))), backward


def _merge(first: Neighbours, second: Neighbours) -> Neighbours:
    """Keep the nearest of both; ties go to the first."""
    both = Neighbours(*(np.concatenate(parts, 1) for parts in zip(first, second, strict=True)))
    order = np.argsort(-both.values, axis=1, kind="stable")[:, :NEIGHBOURS]
    return Neighbours(*(np.take_along_axis(table, order, 1) for table in both))


def _similarity(queries: Tensor, documents: Tensor) -> Any:
    """The product as a tensor on a GPU, else as an array."""
    return queries @ documents.T if queries.is_cuda else queries.numpy() @ documents.numpy().T


def _highest(similarity: Any) -> Neighbours:
    """Return the highest values of each row and their columns; on a CPU ties go to the first columns."""
    count = min(NEIGHBOURS, similarity.shape[1])
    if isinstance(similarity, Tensor):
        return Neighbours(*(part.cpu().numpy() for part in similarity.topk(count, dim=1)))
    columns = _highest_columns(similarity, count)
    return Neighbours(np.take_along_axis(similarity, columns, 1), columns)


def _highest_columns(similarity: np.ndarray, count: int) -> np.ndarray:
    """Return the first ``count`` columns of a stable descending sort of each row, without sorting whole rows.

    Measured for 4 of 512 columns at half the time of the sort, for 4 of 16,384 columns at a thirtieth.
    """
    columns = np.empty((len(similarity), count), dtype=np.int64)
    for row, values in enumerate(similarity):
        threshold = -np.partition(-values, count - 1)[count - 1]
        candidates = np.flatnonzero(values >= threshold)
        columns[row] = candidates[np.argsort(-values[candidates], kind="stable")[:count]]
    return columns
