"""How long exact search takes, compared with FAISS's flat index where it is installed (``pip install faiss-cpu``).

``make bench PYTEST="--search-rows 100000"`` compares 100,000 queries with 100,000 documents, which takes minutes.
"""

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
import torch
from measures import Measures

from codestilts.tasktypes.search import CPU_TILE, nearest_neighbours, reach_and_highest, similarity_rows

NEIGHBOURS, HIDDEN = 4, 384
ROUNDS = 3
LIMIT = 1.3  # of the time of FAISS
PRODUCT_LIMIT = 2.0  # of the time of the bare product, where there is no FAISS: FAISS takes 1.3 to 5 products
# The OpenBLAS in FAISS's wheel takes recent processors for old ones: it is told which kernels to use, and the fastest
# that run here count.
KERNELS = ("", "Haswell", "SkylakeX")
FAISS = """
import sys, time
import faiss, torch
rows, hidden, neighbours, threads = map(int, sys.argv[1:])
faiss.omp_set_num_threads(threads)
vectors = (torch.randn(rows, hidden, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
queries, documents = (torch.nn.functional.normalize(side, dim=1).numpy() for side in vectors)
index = faiss.IndexFlatIP(hidden)
index.add(documents)
began = time.process_time()
index.search(queries, neighbours)
print(time.process_time() - began)
"""


def vectors(rows: int, seed: int) -> torch.Tensor:
    return torch.nn.functional.normalize(
        torch.randn(rows, HIDDEN, generator=torch.Generator().manual_seed(seed)), dim=1
    )


def seconds(action: Callable[[], object]) -> float:
    """Processor time, which other programs change little."""
    began = time.process_time()
    action()
    return time.process_time() - began


def faiss_seconds(rows: int, kernels: str) -> float:
    """Processor time of a search with FAISS; infinite where the processor lacks what the kernels need."""
    threads = str(torch.get_num_threads())
    kernel = {"OPENBLAS_CORETYPE": kernels} if kernels else {}
    command = [sys.executable, "-c", FAISS, str(rows), str(HIDDEN), str(NEIGHBOURS), threads]
    done = subprocess.run(command, env=os.environ | kernel, capture_output=True, text=True, check=False)
    return float(done.stdout) if done.returncode == 0 else float("inf")


def test_search_is_as_fast_as_a_flat_index(request: pytest.FixtureRequest, measures: Measures) -> None:
    rows = request.config.getoption("--search-rows")
    queries, documents = vectors(rows, 0), vectors(rows, 1)

    def multiply() -> None:
        for query in range(0, rows, CPU_TILE):
            for document in range(0, rows, CPU_TILE):
                torch.mm(queries[query : query + CPU_TILE], documents[document : document + CPU_TILE].T)

    def rank() -> None:
        for start, similarity in similarity_rows(queries, documents):
            reach_and_highest(
                similarity, similarity[torch.arange(len(similarity)), start + torch.arange(len(similarity))]
            )

    measured = {
        "product": multiply,
        "mining, both directions": lambda: nearest_neighbours(queries, documents, NEIGHBOURS),
        "ranks": rank,
    }
    rounds = ROUNDS if rows < 50_000 else 1
    times = [{name: seconds(action) for name, action in measured.items()} for _ in range(rounds)]
    best = {name: min(row[name] for row in times) for name in measured}
    reference, limit = best["product"], PRODUCT_LIMIT
    if importlib.util.find_spec("faiss"):
        kernels = min(KERNELS, key=lambda name: faiss_seconds(min(rows, 4096), name))
        reference, limit = min(faiss_seconds(rows, kernels) for _ in range(rounds)), LIMIT
        best["FAISS, one direction"] = reference
    for name in ("ranks", "mining, both directions"):
        ratios = [row[name] / row["product"] for row in times]
        measures.add(f"search, {rows:,} x {rows:,} x {HIDDEN}: {name}", ratios, "products")
        if "FAISS, one direction" in best:
            goal = f"at most {limit if name == 'ranks' else 2 * limit:g}"
            measures.add(f"search against FAISS: {name}", [row[name] / reference for row in times], "ratio", goal)
    assert best["ranks"] <= limit * reference
    assert best["mining, both directions"] <= 2 * limit * reference, "FAISS searches once for each direction"
