"""Leakage audit: is anything that is tested also in a training set, as itself, in a near copy or as a text?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from codestilts.examples.clusters import hash_words, signatures

TEXTS = ("text_a", "text_b", "context", "document", "query", "question", "text", "tokens")
NEAR = 0.8  # estimated Jaccard similarity of word shingles from which a text counts as a near copy
LONG = 12  # words: shorter texts are alike by nature
FORBIDDEN = ("functions", "clusters")


def functions_of(examples: pd.DataFrame) -> set[str]:
    """What the examples are made of: their ids without the suffix after ``#``."""
    return {name.partition("#")[0] for name in examples["id"]}


def longest_texts(examples: pd.DataFrame) -> list[list[str]]:
    """The words of each example's longest text (for code tasks the code); short ones are left out."""
    columns = [name for name in TEXTS if name in examples]
    texts = []
    for row in zip(*(examples[name] for name in columns), strict=True):
        words = max((text.split() if isinstance(text, str) else list(text) for text in row), key=len)
        if len(words) >= LONG:
            texts.append([str(word) for word in words])
    return texts


def text_signatures(examples: pd.DataFrame) -> np.ndarray:
    """MinHash signatures of the examples' longest texts (rows: the long ones only)."""
    texts = longest_texts(examples)
    if not texts:
        return np.empty((0, 1), dtype=np.uint64)
    words = np.concatenate([np.asarray(text, dtype=object) for text in texts])
    return signatures(hash_words(words), np.array([len(text) for text in texts]))


def near_share(tested: np.ndarray, trained: np.ndarray) -> float:
    """The share of tested texts that are near copies of a trained one, over the example sets' signatures."""
    if not len(tested) or not len(trained):
        return 0.0
    # Two texts of similarity 0.8 differ in all 32 leading thirds of the signature with a chance below 1e-9.
    found = np.zeros(len(tested), dtype=bool)
    for start in range(0, tested.shape[1], 3):
        keys = [pd.util.hash_array(pd.util.hash_array(part[:, start]) + part[:, start + 1] * 3 + part[:, start + 2])
                for part in (tested, trained)]  # fmt: skip
        order = np.argsort(keys[1], kind="stable")
        place = np.searchsorted(keys[1][order], keys[0]).clip(max=len(order) - 1)
        hit = np.flatnonzero((keys[1][order][place] == keys[0]) & ~found)
        found[hit] = (tested[hit] == trained[order[place[hit]]]).mean(1) >= NEAR
    return float(found.mean())


def audit(training: Mapping[str, pd.DataFrame], targets: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per training task and target: the share of what is tested that is also trained on.

    ``training`` holds the examples of intermediate tasks and trained targets, ``targets`` those of targets; a
    target's own training set is compared with its test set as any other's. Columns: trained_on, tested_on, tested
    (number of examples), functions, clusters, near_copies (shares; the first two must be zero).
    """
    train = {name: frame[frame["split"] == "train"] for name, frame in training.items()}
    test = {name: frame[frame["split"] != "train"] for name, frame in targets.items()}
    trained_texts = {name: text_signatures(frame) for name, frame in train.items()}
    rows = []
    for target, tested in test.items():
        tested_texts = text_signatures(tested)
        ids, clusters = pd.Series(sorted(functions_of(tested))), tested["cluster"]
        for task, trained in train.items():
            if trained.empty:
                continue
            rows.append(
                {
                    "trained_on": task,
                    "tested_on": target,
                    "tested": len(tested),
                    "functions": float(ids.isin(functions_of(trained)).mean()),
                    "clusters": float(clusters.isin(set(trained["cluster"])).mean()),
                    "near_copies": near_share(tested_texts, trained_texts[task]),
                }
            )
    columns = ["trained_on", "tested_on", "tested", *FORBIDDEN, "near_copies"]
    return pd.DataFrame(rows, columns=columns).sort_values(["trained_on", "tested_on"], ignore_index=True)


def violations(table: pd.DataFrame) -> list[str]:
    """One line for each pair of tasks that share a function or a cluster."""
    return [
        f"task {row['trained_on']} trains on {row[what]:.2%} of the {what} that target {row['tested_on']} is tested on"
        for row in table.to_dict("records")
        for what in FORBIDDEN
        if row[what] > 0
    ]
