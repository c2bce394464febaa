"""Leakage audit: is anything that is tested also in a training set, as itself, in a near copy or as a text?

Ids and clusters tell what is made of the same function or row; but they may carry the names of splits, so texts are
compared as well: without white space, invisible characters and case, whatever the types of the two tasks.
"""

import re
import unicodedata
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from codestilts.examples.near_duplicates import hash_words, signatures

TEXTS = ("text_a", "text_b", "context", "choices", "document", "query", "question", "text", "tokens")
NEAR = 0.8  # estimated Jaccard similarity of word shingles from which a text counts as a near copy
LONG = 12  # words: shorter texts are alike by nature
LONGER = 60  # characters without blanks: a shorter text alone (a phrase, a line) may recur by chance
MOST = 0.5  # share of a language's tests that may be copies: sets repeat some rows, but more is a split read twice
FORBIDDEN = ("functions", "clusters")
COLUMNS = [
    "trained_on",
    "split",
    "tested_on",
    "tested",
    *FORBIDDEN,
    "copies",
    "most_copied",
    "shared_texts",
    "near_copies",
]
_UNSEEN = re.compile(
    r"[\s\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]+"
)  # white space and invisible characters


def functions_of(examples: pd.DataFrame) -> set[str]:
    """What the examples are made of: their ids without the suffix after ``#``."""
    return {name.partition("#")[0] for name in examples["id"]}


def parts(examples: pd.DataFrame) -> list[list[str]]:
    """The texts of each example; the tokens of a sentence are one text, choices are several."""
    columns = [name for name in TEXTS if name in examples]
    return [
        [text for name, cell in zip(columns, row, strict=True) for text in _texts(name, cell)]
        for row in zip(*(examples[name] for name in columns), strict=True)
    ]


def _texts(name: str, cell: object) -> list[str]:
    if isinstance(cell, str):
        return [cell]
    texts = [str(part) for part in cell] if isinstance(cell, list | np.ndarray) else []
    return texts if name == "choices" else [" ".join(texts)]


def normalised(text: str) -> str:
    """A text as it is compared: in Unicode's compatible form (NFKC), without case and without what is not seen."""
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", text).casefold())


def contents(examples: pd.DataFrame) -> tuple[np.ndarray, pd.Series]:
    """Digests of what the examples say: one of all its texts an example, and of each of its longer texts.

    The first is an array aligned with the rows; the second a series whose index is the number of the row.
    """
    whole, longer, rows = list[str](), list[str](), list[int]()
    for row, texts in enumerate(parts(examples)):
        said = sorted({normalised(text) for text in texts} - {""})
        whole.append("\0".join(said))
        longer += [text for text in said if len(text) >= LONGER]
        rows += [row] * (len(longer) - len(rows))
    return _digests(whole), pd.Series(_digests(longer), index=rows)


def _digests(texts: list[str]) -> np.ndarray:
    return pd.util.hash_array(np.asarray(texts, dtype=object)) if texts else np.empty(0, dtype=np.uint64)


def longest_texts(examples: pd.DataFrame) -> list[list[str]]:
    """The words of each example's longest text (for code tasks the code); short ones are left out."""
    texts = [max((text.split() for text in own), key=len, default=[]) for own in parts(examples)]
    return [words for words in texts if len(words) >= LONG]


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
    """One row per training task and target: how much of what is tested is also trained on.

    ``training`` holds the examples of intermediate tasks and trained targets, ``targets`` those of targets. The train
    rows of each are compared with the dev and test rows of each target, its own included, and a target's dev rows with
    its test rows (``split`` is ``dev``). Columns:

    - ``trained_on``, ``split``, ``tested_on``; ``tested``: number of tested examples
    - ``functions``, ``clusters``: shares of them that are made of the same, which must be zero for ``split`` train
    - ``copies``: number of those all of whose texts are those of one training example; ``most_copied``: their share in
      the language where it is largest
    - ``shared_texts``: number of those with a text of :data:`LONGER` characters or more that is a training text too
    - ``near_copies``: share whose longest text is a near copy of a trained one
    """
    train = {name: frame[frame["split"] == "train"] for name, frame in training.items()}
    trained = {name: (frame, contents(frame), text_signatures(frame)) for name, frame in train.items() if len(frame)}
    rows = []
    for target, frame in targets.items():
        tested = frame[frame["split"] != "train"]
        about, signed = contents(tested), text_signatures(tested)
        for task, (own, said, signatures_) in trained.items():
            found = _shared(tested, about, own, said) | {"near_copies": near_share(signed, signatures_)}
            rows.append({"trained_on": task, "split": "train", "tested_on": target, **found})
        dev, test = (tested[tested["split"] == split] for split in ("dev", "test"))
        if len(dev) and len(test):
            found = _shared(test, contents(test), dev, contents(dev))
            found |= {"near_copies": near_share(text_signatures(test), text_signatures(dev))}
            rows.append({"trained_on": target, "split": "dev", "tested_on": target, **found})
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.sort_values(["trained_on", "split", "tested_on"], ignore_index=True)


def _shared(
    tested: pd.DataFrame,
    about: tuple[np.ndarray, pd.Series],
    trained: pd.DataFrame,
    said: tuple[np.ndarray, pd.Series],
) -> dict[str, float]:
    """What tested and trained examples have in common, ``about`` and ``said`` being their :func:`contents`."""
    copied = pd.Series(np.isin(about[0], said[0]), index=tested.index)
    ids, known = pd.Series(sorted(functions_of(tested))), set(trained["cluster"])
    return {
        "tested": len(tested),
        "functions": float(ids.isin(functions_of(trained)).mean()),
        "clusters": float(tested["cluster"].isin(known).mean()),
        "copies": int(copied.sum()),
        "most_copied": float(copied.groupby(tested["language"]).mean().max()),
        "shared_texts": int(about[1].index[about[1].isin(said[1])].nunique()),
    }


def violations(table: pd.DataFrame) -> list[str]:
    """One line for each pair of tasks that share a function or a cluster, or of which one is the copy of the other."""
    trained = table[table["split"] == "train"].to_dict("records")
    shared = [
        f"task {row['trained_on']} trains on {row[what]:.2%} of the {what} that target {row['tested_on']} is tested on"
        for row in trained
        for what in FORBIDDEN
        if row[what] > 0
    ]
    return shared + [
        f"task {row['trained_on']} trains on the texts that target {row['tested_on']} is tested on: "
        f"{row['most_copied']:.0%} of a language: does it read one split for two?"
        for row in trained
        if row["most_copied"] > MOST
    ]


def findings(table: pd.DataFrame, split: str) -> list[str]:
    """One line for each pair that has anything in common, the ``split`` of the first with tests of the second."""
    rows = table[table["split"] == split].to_dict("records")
    return [f"{row['trained_on']} and {row['tested_on']}: {', '.join(found)}" for row in rows if (found := _found(row))]


def _found(row: dict[Hashable, Any]) -> list[str]:
    names = {"copies": "copies", "shared_texts": "with a text of it"}
    counts = [f"{row[key]} of {row['tested']} {name}" for key, name in names.items() if row[key] > 0]
    shares = {"functions": "functions", "clusters": "clusters", "near_copies": "near copies"}
    return counts + [f"{row[key]:.2%} {name}" for key, name in shares.items() if row[key] > 0]
