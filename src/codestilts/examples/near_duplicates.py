"""Near-duplicate clusters of functions over all languages: the unit of splitting and of resampling.

Two functions are joined if (1) their token shingles are much the same, identifiers compared without regard to
case, underscores and digits (MinHash, banded LSH), or (2) they are the same but for the names and literals and not
tiny, or (3) they have the same name and the same documentation. Clusters are the connected components.
Method after Broder (1997) and, for code, Allamanis (2019, arXiv 1812.06469).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from codestilts.examples.sampling import cluster_splits
from codestilts.examples.text import subtokens

SHINGLE = 5  # tokens in a shingle
PERMUTATIONS, BANDS = 96, 24  # 24 bands of 4 rows: pairs of similarity 0.7 meet with probability 0.998
CHUNK = 1 << 15  # shingles at a time: what a processor's cache holds
SIMILARITY = 0.7  # Jaccard similarity of shingle sets, estimated
SHAPE_TOKENS = 40  # equal shape joins functions of at least so many tokens (short ones are alike by nature)

MIXER = np.uint64(0x9E3779B97F4A7C15)

Hashes = npt.NDArray[np.uint64]
Lengths = npt.NDArray[np.int64]
Pairs = npt.NDArray[np.int64]


def hash_words(words: Sequence[str] | npt.NDArray[Any]) -> Hashes:
    """One 64-bit hash a word, the same in every process."""
    return pd.util.hash_array(np.asarray(words, dtype=object), categorize=True)


def shingles(words: Hashes, lengths: Lengths) -> tuple[Hashes, Lengths]:
    """Hashes of every ``SHINGLE`` consecutive words within each text, and each text's first index.

    ``words`` are the texts one after another, ``lengths`` their lengths (at least 1). A text shorter than a shingle
    has one; shingles that would cross the end of a text are shortened.
    """
    mixed = words.copy()
    index = np.arange(len(words))
    ends = np.repeat(np.cumsum(lengths), lengths)
    for step in range(1, SHINGLE):
        inside = index + step < ends
        mixed *= MIXER
        mixed[inside] += words[index[inside] + step]
    mixed ^= mixed >> np.uint64(29)
    return mixed, np.concatenate([[0], np.cumsum(lengths)[:-1]])


def signatures(words: Hashes, lengths: Lengths) -> Hashes:
    """MinHash signatures (texts x ``PERMUTATIONS``) of the texts' shingle sets."""
    hashes, starts = shingles(words, lengths)
    generator = np.random.default_rng(0)
    factors = generator.integers(1, 2**63, PERMUTATIONS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    offsets = generator.integers(0, 2**63, PERMUTATIONS, dtype=np.uint64)
    result = np.empty((len(lengths), PERMUTATIONS), dtype=np.uint64)
    cuts = np.searchsorted(starts, np.arange(0, len(hashes), CHUNK))
    for low, high in zip(cuts, [*cuts[1:], len(starts)], strict=True):
        if low == high:
            continue
        part = hashes[starts[low] : starts[high] if high < len(starts) else None]
        offset_in_part = starts[low:high] - starts[low]
        permuted, high_half = np.empty_like(part), np.empty_like(part)
        for number in range(PERMUTATIONS):
            np.multiply(part, factors[number], out=permuted)
            permuted += offsets[number]
            np.right_shift(permuted, np.uint64(32), out=high_half)  # the low bits of a product mix badly
            permuted ^= high_half
            result[low:high, number] = np.minimum.reduceat(permuted, offset_in_part)
    return result


def near_pairs(signature: Hashes, similarity: float = SIMILARITY) -> npt.NDArray[np.int64]:
    """Pairs (n x 2) of rows whose estimated similarity reaches the threshold.

    Within a bucket of a band each row is compared with the first and with the one before it, which is enough to
    join what is alike, and stays linear where thousands share a bucket.
    """
    pairs = []
    rows = PERMUTATIONS // BANDS
    for band in range(BANDS):
        key = signature[:, band * rows : (band + 1) * rows].copy()
        for column in range(1, rows):
            key[:, 0] = key[:, 0] * MIXER + key[:, column]
        order = np.argsort(key[:, 0], kind="stable")
        sorted_key = key[order, 0]
        same = np.flatnonzero(sorted_key[1:] == sorted_key[:-1]) + 1
        new = np.concatenate([[True], sorted_key[1:] != sorted_key[:-1]])
        first = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
        pairs += [np.stack([order[same - 1], order[same]], 1), np.stack([order[first[same]], order[same]], 1)]
    found = np.unique(np.concatenate(pairs), axis=0)
    alike = [
        (signature[part[:, 0]] == signature[part[:, 1]]).mean(1) >= similarity
        for part in np.array_split(found, len(found) // 100_000 + 1)
    ]
    return found[np.concatenate(alike)]


def equal_pairs(keys: pd.Series) -> npt.NDArray[np.int64]:
    """Pairs (n x 2) of positions with the same key, each with the first of its group; missing keys join nothing."""
    position = pd.Series(np.arange(len(keys)), index=keys.index)
    first = position.groupby(keys).transform("first")
    joined = first.notna() & (first != position)
    return np.stack([first[joined].to_numpy(dtype=np.int64), position[joined].to_numpy(dtype=np.int64)], 1)


def components(count: int, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each of ``count`` items the smallest index in its connected component (union-find)."""
    parent = list(range(count))

    def find(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for one, two in pairs.tolist():
        low, high = sorted((find(one), find(two)))
        parent[high] = low
    return np.array([find(item) for item in range(count)], dtype=np.int64)


def style(word: str) -> str:
    """A token without regard to case, underscores and digits of an identifier; others stay as they are."""
    return "".join(part for part in subtokens(word) if not part.isdigit()) or word


def is_name(word: str) -> bool:
    """Whether a token is an identifier, a keyword, a number or a string."""
    return word[0].isalnum() or word[0] in "_$\"'`"


def cluster(functions: pd.DataFrame) -> pd.DataFrame:
    """Clusters of functions (columns id, package_split, name, doc, tokens) -> id, cluster, split.

    ``cluster`` is the smallest id of its members, ``split`` the one split whose members may be used.
    """
    functions = functions.sort_values("id").reset_index(drop=True)
    lengths = np.array([len(tokens) for tokens in functions["tokens"]], dtype=np.int64)
    if not len(functions) or lengths.min() == 0:
        raise ValueError("clusters need functions, and each needs tokens")
    spelling, vocabulary = pd.factorize(np.concatenate(functions["tokens"].to_numpy()))
    # A word in at least a hundredth of all functions is taken for a keyword or builtin and kept in the shape.
    owner = np.repeat(np.arange(len(lengths)), lengths)
    seen = np.unique(owner * len(vocabulary) + spelling) % len(vocabulary)
    common = np.bincount(seen, minlength=len(vocabulary)) >= max(2, len(lengths) / 100)
    styled = hash_words([style(word) for word in vocabulary])[spelling]
    masked = zip(vocabulary, common, strict=True)
    shape_words = hash_words([word if keep or not is_name(word) else "NAME" for word, keep in masked])[spelling]
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    powers = MIXER ** (np.arange(len(spelling)) - starts[owner]).astype(np.uint64)
    shape = pd.Series(np.add.reduceat(shape_words * powers, starts)).where(pd.Series(lengths >= SHAPE_TOKENS))
    told = (
        functions["name"].map(lambda name: " ".join(subtokens(name)))
        + "\0"
        + functions["doc"].map(lambda doc: " ".join(subtokens(doc)))
    )
    pairs = np.concatenate(
        [
            near_pairs(signatures(styled, lengths)),
            equal_pairs(shape),
            equal_pairs(told.where(functions["doc"] != "")),
        ]
    )
    ids = functions["id"].to_numpy()
    names = pd.Series(ids[components(len(ids), pairs)])
    return pd.DataFrame({"id": ids, "cluster": names, "split": cluster_splits(names, functions["package_split"])})
