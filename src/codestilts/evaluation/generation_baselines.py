"""Trivial outputs of generation targets: the most frequent one, a copy of the input, that of the nearest example."""

from collections import Counter

import numpy as np
import pandas as pd

from codestilts.evaluation.bm25 import nearest
from codestilts.examples.text import subtokens


def generated_texts(train: pd.DataFrame, rows: pd.DataFrame, copied: list[str]) -> dict[str, list[str]]:
    """Return the outputs of each baseline for the rows, by the baseline's name.

    They learn from the train rows only, so the outputs of ``frequent`` and ``nearest`` are in the language of these
    whatever the language of a row is.

    Args:
        train: The train rows.
        rows: The rows that are predicted.
        copied: The span of each row's input that is copied.
    """
    found, _ = nearest("bm25", rows["source"].tolist(), train["source"].tolist(), np.random.default_rng(0))
    return {
        "frequent": [usual_text(train["reference"].tolist())] * len(rows),
        "copy": copied,
        "nearest": train["reference"].iloc[found].tolist(),
    }


def usual_text(texts: list[str]) -> str:
    """Return the most frequent text; of several, the one whose words are the most usual.

    Usual is measured by the cosine between a text, as the set of its words, and the mean of all texts, so that the
    constant output is a good one even if no reference occurs twice.
    """
    counts = Counter(texts)
    most = max(counts.values())
    words = {text: set(subtokens(text)) for text in counts}
    weights = Counter[str]()
    for text, count in counts.items():
        for word in words[text]:
            weights[word] += count / len(words[text]) ** 0.5
    cosines = {
        text: sum(weights[word] for word in sorted(words[text])) / max(len(words[text]), 1) ** 0.5
        for text, count in counts.items()
        if count == most
    }
    return min(cosines, key=lambda text: (-cosines[text], text))
