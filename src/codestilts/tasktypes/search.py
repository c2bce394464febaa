"""Exact search among vectors, on the device that holds them, without a table of all similarities.

BLAS may round the product of two vectors differently depending on its position in a table, for instance at the edges.
Equal vectors are therefore multiplied once, so that they are ties regardless of their position.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

# Rows and columns of a product: 4 MB in fp32, which stay in a core's caches while they are compared; 1 GB on a GPU.
CPU_TILE, GPU_TILE = 1 << 10, 1 << 14
# Similarities in memory at once where whole rows are needed: 256 MB in fp32 on a CPU, 4 GB on a GPU.
CPU_BLOCK, GPU_BLOCK = 1 << 26, 1 << 30


class Neighbours(NamedTuple):
    """The nearest neighbours of each vector of a side, the nearest first."""

    values: np.ndarray  # similarities
    indices: np.ndarray


class Nearest:
    """The highest similarities of some texts so far; of equal ones those of the candidates with the lowest indices."""

    def __init__(self, texts: int, count: int, device: torch.device) -> None:
        self.values = torch.full((texts, count), -torch.inf, device=device)
        self.indices = torch.zeros((texts, count), dtype=torch.int64, device=device)

    def update(self, similarity: Tensor, text: int, candidate: int) -> None:
        """Take in the similarities (texts x candidates) that begin at a text and a candidate.

        The candidates of a text have to come in ascending order: a later one that equals the last of the highest is
        left out.
        """
        last = self.values[text : text + len(similarity), -1]
        better = (similarity.amax(1) > last).nonzero().flatten()
        if not len(better):
            return
        count, texts = self.values.shape[1], better + text
        # Columns of a table in memory are selected five times faster than rows of its transpose.
        wide = similarity.stride(1) == 1
        selected = similarity.index_select(0, better) if wide else similarity.T.index_select(1, better).T
        values, columns = _highest(selected, count)
        values = torch.cat([self.values[texts], values], 1)
        indices = torch.cat([self.indices[texts], columns + candidate], 1)
        values, order = values.sort(dim=1, descending=True, stable=True)
        self.values[texts] = values[:, :count]
        self.indices[texts] = indices.gather(1, order[:, :count])

    def found(self) -> Neighbours:
        """Return what was found, in main memory."""
        return Neighbours(self.values.cpu().numpy(), self.indices.cpu().numpy())


def _highest(similarity: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the highest values of each row, ties from the first column on, and their columns in ascending order.

    Which of several equal values ``topk`` takes is undefined: the rows in which it had to choose are sorted instead.
    """
    values, columns = similarity.topk(min(count + 1, similarity.shape[1]), dim=1)
    if values.shape[1] > count:
        tied = (values[:, count - 1] == values[:, count]).nonzero().flatten()
        values, columns = values[:, :count], columns[:, :count]
        if len(tied):
            ranking = similarity[tied].sort(dim=1, descending=True, stable=True)
            values[tied], columns[tied] = ranking.values[:, :count], ranking.indices[:, :count]
    columns, order = columns.sort(dim=1)
    return values.gather(1, order), columns


def nearest_neighbours(queries: Tensor, documents: Tensor, count: int) -> tuple[Neighbours, Neighbours]:
    """Find the nearest documents of each query and the nearest queries of each document, with one product for both.

    Ties go to the first. If a side has fewer than ``count`` vectors, all of them are found.
    """
    (queries, query_group), (documents, document_group) = distinct(queries), distinct(documents)
    tile = tile_of(queries.device)
    forward = Nearest(len(queries), min(count, len(documents)), queries.device)
    backward = Nearest(len(documents), min(count, len(queries)), queries.device)
    for query in range(0, len(queries), tile):
        asking = queries[query : query + tile]
        for document in range(0, len(documents), tile):
            similarity = torch.mm(asking, documents[document : document + tile].T)
            forward.update(similarity, query, document)
            backward.update(similarity.T, document, query)
    return (
        _with_equals(forward.found(), document_group, count, query_group),
        _with_equals(backward.found(), query_group, count, document_group),
    )


def tile_of(device: torch.device) -> int:
    """Return how many rows and columns a device multiplies and compares at a time."""
    return CPU_TILE if device.type == "cpu" else GPU_TILE


def similarity_rows(queries: Tensor, documents: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Compare a block of queries with all documents at a time.

    Yields:
        The index of the block's first query, and its similarities (queries x documents), valid until the next block.
    """
    unequal, group = distinct(documents)
    tile = tile_of(queries.device)
    step = min(tile, max(1, (GPU_BLOCK if queries.is_cuda else CPU_BLOCK) // max(len(documents), 1)))
    buffer = queries.new_empty((min(step, len(queries)), len(unequal)))
    columns = None if len(unequal) == len(documents) else torch.from_numpy(group).to(queries.device)
    for start in range(0, len(queries), step):
        asking = queries[start : start + step]
        similarity = buffer[: len(asking)]
        for column in range(0, len(unequal), tile):
            part = slice(column, column + tile)
            torch.mm(asking, unequal[part].T, out=similarity[:, part])
        yield start, similarity if columns is None else similarity[:, columns]


def reach_and_highest(similarity: Tensor, limit: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many similarities of each row reach its limit, and the column of its highest one, the first if equal.

    Torch compares into fp32 and takes maxima without places several times faster than it compares into truth values and
    takes maxima with their places: of one tile a row, that of its highest value, the place is looked for.
    """
    tile = tile_of(similarity.device)
    reached = torch.zeros(len(similarity), dtype=torch.int64, device=similarity.device)
    highest, ones = [], similarity.new_empty((len(similarity), tile))
    for part in similarity.split(tile, dim=1):
        reached += torch.ge(part, limit[:, None], out=ones[:, : part.shape[1]]).sum(1).long()
        highest.append(part.amax(1))
    first = torch.stack(highest, 1).argmax(1, keepdim=True) * tile
    columns = (first + torch.arange(tile, device=first.device)).clamp(max=similarity.shape[1] - 1)
    place = similarity.gather(1, columns).argmax(1, keepdim=True)
    return reached, columns.gather(1, place).squeeze(1)


def distinct(vectors: Tensor) -> tuple[Tensor, np.ndarray]:
    """Return the vectors that differ, in order of first occurrence, and which of them each vector is.

    Only vectors with the same sum of bits are compared byte by byte.
    """
    bits = torch.empty(len(vectors), dtype=torch.int64, device=vectors.device)
    for part, out in zip(vectors.split(CPU_TILE), bits.split(CPU_TILE), strict=True):
        torch.sum(part.view(torch.int32), 1, out=out)  # a part at a time: torch turns what it sums into 64 bits first
    sums = pd.Series(bits.cpu().numpy())
    rows = np.flatnonzero(sums.duplicated(keep=False))
    first = np.arange(len(vectors))
    if len(rows):
        contents = [row.tobytes() for row in take(vectors, rows).cpu().numpy()]
        codes = pd.factorize(np.array(contents, dtype=object))[0]
        first[rows] = rows[np.unique(codes, return_index=True)[1]][codes]
    unequal, group = np.unique(first, return_inverse=True)
    return take(vectors, unequal) if len(unequal) < len(vectors) else vectors, group


def take(vectors: Tensor, rows: np.ndarray) -> Tensor:
    """Return some of the vectors."""
    return vectors[torch.tensor(rows, device=vectors.device)]


def _with_equals(found: Neighbours, candidates: np.ndarray, count: int, texts: np.ndarray) -> Neighbours:
    """Turn the neighbours of distinct texts among distinct candidates into those of all among all.

    Args:
        found: the neighbours of each distinct text.
        candidates: which distinct candidate each candidate is.
        count: how many neighbours each text gets, if there are as many candidates.
        texts: which distinct text each text is.
    """
    values, indices = found
    if candidates.size > candidates.max(initial=-1) + 1:
        order = np.argsort(candidates, kind="stable")
        sizes = np.bincount(candidates)
        place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # among its equals
        equals = np.full((len(sizes), count), -1)
        kept = place < count
        equals[candidates[order[kept]], place[kept]] = order[kept]
        indices = equals[indices].reshape(len(indices), indices.shape[1] * count)
        values = np.where(indices < 0, -np.inf, np.repeat(values, count, axis=1))
        best = np.lexsort((indices, -values))[:, : min(count, len(candidates))]
        values, indices = (np.take_along_axis(table, best, 1) for table in (values, indices))
    return Neighbours(values[texts], indices[texts])
