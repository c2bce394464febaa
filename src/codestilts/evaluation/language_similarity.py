"""How near programming languages are to one another, measured on their own code."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pandas as pd

COMMON = 200


def profile(functions: Iterable[Iterable[str]]) -> Counter[str]:
    """In how many functions each token occurs (names that one author uses once hardly count)."""
    return Counter(token for tokens in functions for token in set(tokens))


def similarity(profiles: dict[str, Counter[str]], sizes: dict[str, int]) -> pd.DataFrame:
    """Cosine (0 to 1) between languages' token frequencies: a square table, languages in alphabetical order.

    A language is the vector of the shares of its functions that contain a token, over all tokens that are
    among the 200 most common of some language: keywords, operators, punctuation, and the names everybody
    uses.
    """
    names = sorted(profiles)
    tokens = sorted({token for name in names for token, _ in sorted(profiles[name].items(), key=_rank)[:COMMON]})
    shares = np.array([[profiles[name][token] / max(sizes[name], 1) for token in tokens] for name in names])
    shares = shares.reshape(len(names), len(tokens))  # also where there is no language at all
    norms = np.linalg.norm(shares, axis=1, keepdims=True)
    unit = shares / np.where(norms > 0, norms, 1)
    return pd.DataFrame(unit @ unit.T, index=names, columns=names)


def _rank(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def language_table(table: pd.DataFrame, source: str, seen: list[str], sizes: dict[str, int]) -> pd.DataFrame:
    """One row a language: functions, similarity to the source language, ``near`` (the more similar half),
    ``seen``; no row if there are no functions of the source language to compare with.
    """
    if source not in table:
        return pd.DataFrame(columns=["language", "similarity", "functions", "zero_shot", "near", "seen"])
    to_source = table[source]
    zero_shot = to_source.drop(source).sort_values(ascending=False, kind="stable")
    near = {source, *zero_shot.index[: (len(zero_shot) + 1) // 2]}
    rows = pd.DataFrame({"language": table.index, "similarity": to_source.to_numpy()})
    rows["functions"] = rows["language"].map(sizes)
    rows["zero_shot"] = rows["language"] != source
    rows["near"] = rows["language"].isin(near)
    rows["seen"] = rows["language"].isin(seen)
    return rows.sort_values(["similarity", "language"], ascending=[False, True], ignore_index=True)
