"""Search texts by the words that they share: Okapi BM25, or at random, which any search has to beat."""

from collections.abc import Iterator

import bm25s
import numpy as np

from codestilts.examples.text import subtokens

K1, B = 1.2, 0.75  # the parameters of Lucene
BLOCK = 1 << 23  # scores in memory at a time
MANY = 20_000  # documents from which random scores are not drawn one by one; only sets with distractors have more


class BM25:
    """Okapi BM25 (Robertson et al. 1994) over sub-tokens, with the idf of Lucene, which is never negative."""

    def __init__(self, documents: list[str]) -> None:
        words = [subtokens(text) for text in documents]
        self.vocabulary = {word: index for index, word in enumerate(sorted(set().union(*words)))}
        indices = [[self.vocabulary[word] for word in text] for text in words]
        self.documents = len(documents)
        self.scale = K1 + 1  # bm25s follows Lucene and leaves out this constant factor
        self.index = bm25s.BM25(k1=K1, b=B, method="lucene", dtype="float64") if self.vocabulary else None
        if self.index:
            self.index.index((indices, self.vocabulary), create_empty_token=False, show_progress=False)

    def __call__(self, queries: list[str]) -> np.ndarray:
        """Score every query (row) against every document (column).

        The sums are rounded to single precision, so that sums that differ only in their order are ties.
        """
        scores = np.zeros((len(queries), self.documents), dtype=np.float32)
        for row, query in enumerate(queries):
            indices = [self.vocabulary[word] for word in subtokens(query) if word in self.vocabulary]
            if self.index and indices:
                scores[row] = self.index.get_scores_from_ids(indices) * self.scale
        return scores


def score_blocks(
    name: str, queries: list[str], documents: list[str], rng: np.random.Generator
) -> Iterator[tuple[int, np.ndarray]]:
    """Score all documents for a block of queries at a time, by ``bm25`` or at ``random``.

    Yields:
        The index of the block's first query, and its scores (queries x documents).
    """
    search = BM25(documents) if name == "bm25" else None
    step = max(1, BLOCK // max(len(documents), 1))
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        yield start, search(block) if search else rng.random((len(block), len(documents)))


def nearest(
    name: str, queries: list[str], documents: list[str], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Find the best document of each query.

    With more than ``MANY`` documents random scores are not drawn one by one: the highest of n uniform numbers is
    distributed as the n-th root of one uniform number, the next one as that times an (n - 1)-th root, and so on.

    Returns:
        For each query the index of its best document (the first among equals), and its four highest scores in
        ascending order (fewer if there are fewer documents).
    """
    width = min(4, len(documents))
    if name == "random" and len(documents) > MANY:
        best = rng.integers(len(documents), size=len(queries))
        roots = rng.random((len(queries), width)) ** (1 / (len(documents) - np.arange(width)))
        return best, np.cumprod(roots, axis=1)[:, ::-1]
    best = np.zeros(len(queries), dtype=np.int64)
    highest = np.zeros((len(queries), width), dtype=np.float32 if name == "bm25" else np.float64)
    for start, scores in score_blocks(name, queries, documents, rng):
        stop = start + len(scores)
        best[start:stop] = scores.argmax(1)
        highest[start:stop] = np.sort(np.partition(scores, scores.shape[1] - width)[:, -width:])
    return best, highest
