"""Search in blocks against straightforward searches in a table of all similarities."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from codestilts.tasktypes import retrieval, search
from codestilts.tasktypes.base import Task
from codestilts.tasktypes.search import distinct, nearest_neighbours, reach_and_highest, similarity_rows

SIDE = st.integers(0, 12)
SEED = st.integers(0, 2**32 - 1)


def whole_numbers(rng: np.random.Generator, rows: int) -> torch.Tensor:
    """Vectors of small whole numbers: their products are exact in any order, and many are equal or tie."""
    return torch.from_numpy(rng.integers(-2, 3, (rows, 3))).float()


def ranking(similarity: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The highest of each row by a stable sort of whole rows."""
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(similarity, order, 1), order


def small_blocks(patch: pytest.MonkeyPatch, tile: int, block: int = 50) -> None:
    patch.setattr(search, "CPU_TILE", tile)
    patch.setattr(search, "CPU_BLOCK", block)


@settings(max_examples=100, deadline=None)
@given(SIDE, SIDE, st.integers(1, 6), st.integers(1, 13), SEED)
@example(0, 3, 4, 2, 0)
@example(3, 0, 4, 2, 0)
@example(1, 1, 4, 1, 0)
@example(12, 2, 4, 5, 0)
def test_neighbours_are_those_of_a_stable_sort(queries: int, documents: int, count: int, tile: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    asked, offered = whole_numbers(rng, queries), whole_numbers(rng, documents)
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch, tile)
        found = nearest_neighbours(asked, offered, count)
    similarity = asked.numpy() @ offered.numpy().T
    for side, table in zip(found, (similarity, similarity.T), strict=True):
        values, indices = ranking(table, count)
        assert np.array_equal(side.values, values) and np.array_equal(side.indices, indices)


def test_neighbours_among_many_are_those_of_a_stable_sort() -> None:
    # More than one real tile in each direction, and vectors that all differ.
    generator = torch.Generator().manual_seed(0)
    asked, offered = (torch.randn(rows, 16, generator=generator) for rows in (1500, 2100))
    similarity = asked.double().numpy() @ offered.double().numpy().T
    for side, table in zip(nearest_neighbours(asked, offered, 4), (similarity, similarity.T), strict=True):
        values, indices = ranking(table, 4)
        assert np.allclose(side.values, values, atol=1e-5)
        assert (side.indices == indices).mean() > 0.999, "sums in fp32 may swap two that differ by 1e-6"


@pytest.fixture
def uneven_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a BLAS may: odd columns and rows are rounded differently."""
    multiply = torch.mm

    def uneven(left: torch.Tensor, right: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        product = multiply(left, right, out=out)
        for part in (product[1::2], product[:, 1::2]):
            part.copy_(torch.nextafter(part, torch.tensor(torch.inf)))
        return product

    monkeypatch.setattr(torch, "mm", uneven)
    small_blocks(monkeypatch, 4, 100)


@pytest.mark.usefixtures("uneven_products")
def test_equal_vectors_tie_wherever_they_stand() -> None:
    rng = np.random.default_rng(0)
    generator = torch.Generator().manual_seed(0)
    which = rng.integers(0, 7, 30), rng.integers(0, 5, 20)
    asked, offered = (
        torch.randn(rows, 8, generator=generator)[group] for rows, group in zip((7, 5), which, strict=True)
    )
    forward, backward = nearest_neighbours(asked, offered, 20)
    for side, texts, candidates in ((forward, *which), (backward, *which[::-1])):
        for text in np.unique(texts):  # equal texts have the same neighbours
            assert len(np.unique(side.values[texts == text], axis=0)) == 1
            assert len(np.unique(side.indices[texts == text], axis=0)) == 1
        for values, indices in zip(side.values, side.indices, strict=True):
            pairs = pd.DataFrame({"value": values, "index": indices}).groupby(candidates[indices])
            assert (pairs["value"].nunique() == 1).all() and pairs["index"].is_monotonic_increasing.all()
    rows = torch.cat([block.clone() for _, block in similarity_rows(asked, offered)]).numpy()
    assert all(len(np.unique(row[which[1] == group])) == 1 for row in rows for group in np.unique(which[1]))


def test_vectors_that_differ_in_order_of_first_occurrence() -> None:
    # The first and the third have the same sum of bits but differ; -0.0 and 0.0 may be told apart.
    vectors = torch.tensor([[1.0, 2.0], [3.0, 0.5], [2.0, 1.0], [1.0, 2.0], [3.0, 0.5]])
    unequal, group = distinct(vectors)
    assert group.tolist() == [0, 1, 2, 0, 1] and torch.equal(unequal, vectors[:3])
    same, group = distinct(vectors[:3])
    assert same is not None and group.tolist() == [0, 1, 2] and torch.equal(same, vectors[:3])


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 8), st.integers(1, 12), st.integers(1, 13), SEED)
def test_reached_limits_and_the_first_highest(rows: int, columns: int, tile: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 4, (rows, columns)).astype(np.float32)
    table[rng.random(table.shape) < 0.2] = -np.inf
    limit = rng.integers(0, 4, rows).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch, tile)
        reached, best = reach_and_highest(torch.from_numpy(table), torch.from_numpy(limit))
    assert reached.tolist() == (table >= limit[:, None]).sum(1).tolist()
    assert best.tolist() == table.argmax(1).tolist()


def task(protocol: Any) -> Task:
    return Task.from_settings("t", tiny.task_settings("retrieval", protocol=protocol))


def examples(clusters: list[int]) -> pd.DataFrame:
    rows = {"id": [f"row{n}" for n in range(len(clusters))], "cluster": [f"c{n}" for n in clusters]}
    return pd.DataFrame(rows).assign(query="q", document="d", language="c", split="test")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=14), st.integers(1, 13), st.integers(1, 60), SEED)
def test_ranks_are_those_of_a_table_of_all_similarities(clusters: list[int], tile: int, block: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = torch.stack([whole_numbers(rng, len(clusters)) for _ in range(2)], 1)
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch, tile, block)
        found = retrieval.decode([vectors], [], examples(clusters), task("rank"))
    similarity = (vectors[:, 0] @ vectors[:, 1].T).numpy()
    for query, row in enumerate(similarity):
        others = [n for n, cluster in enumerate(clusters) if cluster != clusters[query]]
        before = [n for n in others if row[n] >= row[query]]
        assert found["score"].iloc[query] == 1 / (1 + len(before))
        first = max(before, key=lambda n: (row[n], -n)) if before else query
        assert found["prediction"].iloc[query] == f"row{first}"


@pytest.mark.usefixtures("uneven_products")
def test_equal_documents_count_against_the_query_however_products_are_rounded() -> None:
    vectors = torch.randn(1, 1, 8, generator=torch.Generator().manual_seed(0)).expand(9, 2, 8).contiguous()
    found = retrieval.decode([vectors], [], examples(list(range(9))), task("rank"))
    assert found["score"].tolist() == [1 / 9] * 9
    assert found["prediction"].tolist() == ["row1", *["row0"] * 8]
    found = retrieval.decode([vectors[:8]], [], examples([0, 0, 0, 0, 1, 1, 1, 1]), task("map"))
    assert found["score"].tolist() == [0.0] * 8


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 4), st.integers(2, 4), st.integers(1, 13), st.integers(1, 60), SEED)
def test_average_precision_in_blocks(classes: int, size: int, tile: int, block: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    clusters = rng.permutation(np.repeat(np.arange(classes), size)).tolist()
    vectors = torch.stack([whole_numbers(rng, len(clusters))] * 2, 1)
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch, tile, block)
        found = retrieval.decode([vectors], [], examples(clusters), task("map"))
    similarity = (vectors[:, 0] @ vectors[:, 0].T).numpy()
    for query, row in enumerate(similarity):
        others = [n for n in range(len(clusters)) if n != query]
        order = sorted(others, key=lambda n: (-row[n], clusters[n] == clusters[query]))
        right = np.array([clusters[n] == clusters[query] for n in order[: size - 1]])
        precision = sum(right[: place + 1].mean() for place in np.flatnonzero(right)) / (size - 1)
        assert found["score"].iloc[query] == pytest.approx(precision)
        assert found["prediction"].iloc[query] == examples(clusters)["cluster"].iloc[order[0]]


def test_a_side_without_texts_has_nothing_to_mine() -> None:
    vectors = torch.eye(3)[:, None].expand(3, 2, 3)
    found = retrieval.decode([vectors], [], examples([0, 1, 2]).assign(document=""), task("mining"))
    assert found["prediction"].tolist() == ["", "", ""] and found["score"].tolist() == [0.0] * 3
    found = retrieval.decode([vectors], [], examples([0, 1, 2]).assign(query=""), task("mining"))
    assert found["prediction"].isna().all(), "only queries are answered"


class Largest(TorchDispatchMode):
    """Notes how many elements the largest tensor has that torch makes."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in torch.utils._pytree.tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.numel())
        return result


@pytest.mark.parametrize("protocol", ["rank", "map", "mining"])
def test_no_table_of_all_similarities_is_made(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, block = 300, 4000
    small_blocks(monkeypatch, 32, block)
    texts = [f"text {n}" for n in range(rows)]
    frame = examples([n // 2 for n in range(rows)]).assign(query=texts, document=texts)
    vectors = torch.randn(rows, 2, 4, generator=torch.Generator().manual_seed(0))
    with Largest() as largest:
        retrieval.decode([vectors], [], frame, task(protocol))
    assert rows * 2 * 4 <= largest.elements <= block < rows * rows
