"""Similarity of programming languages, measured on their functions."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from codestilts.config.analysis_settings import SimilaritySettings

MOST_COMMON = 200  # tokens of a language: its keywords, operators, punctuation and the names that everybody uses
COLUMNS = ["language", "similarity", "functions", "zero_shot", "near", "seen"]


Functions = Sequence[Sequence[str]] | pd.Series  # the tokens of each function


def similarity_table(functions: Iterable[tuple[str, Functions]], settings: SimilaritySettings) -> pd.DataFrame:
    """Return one row per language, the most similar to the source language first.

    Args:
        functions: Each language with its functions; one language at a time is in memory.
        settings: The source language and the languages seen in code tasks.

    Returns:
        The number of functions, the similarity to the source language, whether the language is ``near`` (in the more
        similar half) and whether it is ``seen``. The table is empty without functions of the source language.
    """
    profiles, sizes = {}, {}
    for language, tokens in functions:
        profiles[language], sizes[language] = profile(tokens), len(tokens)
    similarities = similarity(profiles, sizes)
    source = settings.source_language
    if source not in similarities:
        return pd.DataFrame(columns=COLUMNS)
    to_source = similarities[source]
    zero_shot = to_source.drop(source).sort_values(ascending=False, kind="stable")
    near = {source, *zero_shot.index[: (len(zero_shot) + 1) // 2]}
    table = pd.DataFrame({"language": similarities.index, "similarity": to_source.to_numpy()})
    table["functions"] = table["language"].map(sizes)
    table["zero_shot"] = table["language"] != source
    table["near"] = table["language"].isin(near)
    table["seen"] = table["language"].isin(settings.seen_languages)
    return table.sort_values(["similarity", "language"], ascending=[False, True], ignore_index=True)


def profile(functions: Iterable[Iterable[str]]) -> Counter[str]:
    """Count the functions that contain each token; names that only one author uses therefore hardly count."""
    return Counter(token for tokens in functions for token in set(tokens))


def similarity(profiles: dict[str, Counter[str]], sizes: dict[str, int]) -> pd.DataFrame:
    """Return the cosine (0 to 1) between the token frequencies of languages, as a square table in alphabetical order.

    A language is represented by the shares of its functions that contain a token, over all tokens that are among the
    :data:`MOST_COMMON` of some language.
    """
    names = sorted(profiles)
    tokens = sorted({token for name in names for token, _ in sorted(profiles[name].items(), key=_rank)[:MOST_COMMON]})
    shares = np.array([[profiles[name][token] / max(sizes[name], 1) for token in tokens] for name in names])
    shares = shares.reshape(len(names), len(tokens))  # without any language, too
    norms = np.linalg.norm(shares, axis=1, keepdims=True)
    vectors = shares / np.where(norms > 0, norms, 1)
    return pd.DataFrame(vectors @ vectors.T, index=names, columns=names)


def _rank(item: tuple[str, int]) -> tuple[int, str]:
    token, functions = item
    return -functions, token
