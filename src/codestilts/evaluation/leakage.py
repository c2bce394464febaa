"""Leakage audit: are test examples also in a training set, as the same function, a near-duplicate or the same text?

Ids and clusters identify functions and rows, but those of published tables may contain the names of splits. Texts are
therefore compared as well, ignoring white space, invisible characters and case, across all task types.
"""

import re
import unicodedata
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from codestilts.examples.near_duplicates import hash_words, signatures

TEXTS = ("text_a", "text_b", "context", "choices", "document", "query", "question", "text", "tokens")
# Estimated Jaccard similarity of word shingles from which texts are near-duplicates: Allamanis (2019, arXiv 1812.06469)
# takes 0.8 of the sets of a file's identifiers and literals.
NEAR = 0.8
LONG = 12  # words: they make 8 shingles of five; of fewer, one changed word changes most
# Characters without white space. Of the pocket study's test texts, compared with each training set, 9 of 8,417 recur by
# chance below 20 characters, 1 of 20,710 from 20 to 30, and none of 358,036 from 30 on.
LONGER = 60
MAX_COPIED = 0.5  # share of a language's test examples: published sets repeat some rows, but not every second one
SAME_SOURCE = ("functions", "clusters")  # the columns that must be zero
COLUMNS = ["trained_on", "split", "tested_on", "tested", *SAME_SOURCE, "copies", "most_copied", "shared_texts",
           "near_duplicates"]  # fmt: skip
# White space and invisible characters.
_UNSEEN = re.compile(r"[\s\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]+")


@dataclass(frozen=True)
class Contents:
    """Digests of the texts of examples, and the signatures of their longest texts.

    ``whole`` has one digest of all texts an example, aligned with the rows; ``longer`` one of each text of at least
    :data:`LONGER` characters, by row number; ``signatures`` one row for each long text.
    """

    whole: np.ndarray
    longer: pd.Series
    signatures: np.ndarray


def functions_of(examples: pd.DataFrame) -> set[str]:
    """Return the functions that examples are made of: their ids without the suffix after ``#``."""
    return {name.partition("#")[0] for name in examples["id"]}


def parts(examples: pd.DataFrame) -> list[list[str]]:
    """Return the texts of each example; tokens form one text, each choice is a text of its own."""
    columns = [name for name in TEXTS if name in examples]
    return [
        [text for name, value in zip(columns, row, strict=True) for text in _texts(name, value)]
        for row in zip(*(examples[name] for name in columns), strict=True)
    ]


def _texts(name: str, value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    texts = [str(part) for part in value] if isinstance(value, list | np.ndarray) else []
    return texts if name == "choices" else [" ".join(texts)]


def normalised(text: str) -> str:
    """Return a text as it is compared: in NFKC, without case, white space and invisible characters."""
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", text).casefold())


def contents(examples: pd.DataFrame) -> Contents:
    """Return the digests and signatures of the texts of examples."""
    whole, longer, rows = list[str](), list[str](), list[int]()
    for row, texts in enumerate(parts(examples)):
        normal = sorted({normalised(text) for text in texts} - {""})
        whole.append("\0".join(normal))
        long_texts = [text for text in normal if len(text) >= LONGER]
        longer += long_texts
        rows += [row] * len(long_texts)
    return Contents(_digests(whole), pd.Series(_digests(longer), index=rows), text_signatures(examples))


def _digests(texts: list[str]) -> np.ndarray:
    return pd.util.hash_array(np.asarray(texts, dtype=object)) if texts else np.empty(0, dtype=np.uint64)


def longest_texts(examples: pd.DataFrame) -> list[list[str]]:
    """Return the words of each example's longest text (of code tasks: the code), without short texts."""
    texts = [max((text.split() for text in example), key=len, default=[]) for example in parts(examples)]
    return [words for words in texts if len(words) >= LONG]


def text_signatures(examples: pd.DataFrame) -> np.ndarray:
    """Return the MinHash signatures of the examples' longest texts, one row for each that is not short."""
    texts = longest_texts(examples)
    if not texts:
        return np.empty((0, 1), dtype=np.uint64)
    words = np.concatenate([np.asarray(text, dtype=object) for text in texts])
    return signatures(hash_words(words), np.array([len(text) for text in texts]))


def near_duplicate_share(tested: np.ndarray, trained: np.ndarray) -> float:
    """Return the share of tested texts that are near-duplicates of a trained one, from the sets' signatures."""
    if not len(tested) or not len(trained):
        return 0.0
    # Two texts of similarity 0.8 differ in all 32 bands of three values with a probability below 1e-9.
    near = np.zeros(len(tested), dtype=bool)
    for start in range(0, tested.shape[1], 3):
        keys_tested, keys_trained = _band(tested, start), _band(trained, start)
        order = np.argsort(keys_trained, kind="stable")
        position = np.searchsorted(keys_trained[order], keys_tested).clip(max=len(order) - 1)
        candidates = np.flatnonzero((keys_trained[order][position] == keys_tested) & ~near)
        near[candidates] = (tested[candidates] == trained[order[position[candidates]]]).mean(1) >= NEAR
    return float(near.mean())


def _band(signature: np.ndarray, start: int) -> np.ndarray:
    """One hash of three values of each signature."""
    first, second, third = (signature[:, start + offset] for offset in range(3))
    return pd.util.hash_array(pd.util.hash_array(first) + second * 3 + third)


def audit(training: Mapping[str, pd.DataFrame], targets: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Measure how much of each test set is also trained on.

    The train rows of each task are compared with the dev and test rows of each target, its own included (``split`` is
    ``train``), and the dev rows of each target with its test rows (``split`` is ``dev``).

    Args:
        training: The examples of intermediate tasks and targets, by task.
        targets: The examples of targets.

    Returns:
        One row per pair of sets, with the columns

        - ``trained_on``, ``split``, ``tested_on``; ``tested``: the number of tested examples
        - ``functions``, ``clusters``: the shares that are made of a trained function or of a near-duplicate of one,
          which must be zero for the split ``train``
        - ``copies``: the number all of whose texts are those of one training example; ``most_copied``: their share in
          the language where it is highest
        - ``shared_texts``: the number with a text of :data:`LONGER` characters or more that is also a training text
        - ``near_duplicates``: the share whose longest text is a near-duplicate of a trained one
    """
    train = {name: frame[frame["split"] == "train"] for name, frame in training.items()}
    trained = {name: (frame, contents(frame)) for name, frame in train.items() if len(frame)}
    rows = []
    for target, frame in targets.items():
        tested = frame[frame["split"] != "train"]
        tested_contents = contents(tested)
        for task, (examples, trained_contents) in trained.items():
            overlap = _overlap(tested, tested_contents, examples, trained_contents)
            rows.append({"trained_on": task, "split": "train", "tested_on": target, **overlap})
        dev, test = (tested[tested["split"] == split] for split in ("dev", "test"))
        if len(dev) and len(test):
            overlap = _overlap(test, contents(test), dev, contents(dev))
            rows.append({"trained_on": target, "split": "dev", "tested_on": target, **overlap})
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.sort_values(["trained_on", "split", "tested_on"], ignore_index=True)


def _overlap(
    tested: pd.DataFrame, tested_contents: Contents, trained: pd.DataFrame, trained_contents: Contents
) -> dict[str, float]:
    """What tested and trained examples have in common."""
    copied = pd.Series(np.isin(tested_contents.whole, trained_contents.whole), index=tested.index)
    ids, longer = pd.Series(sorted(functions_of(tested))), tested_contents.longer
    return {
        "tested": len(tested),
        "functions": float(ids.isin(functions_of(trained)).mean()),
        "clusters": float(tested["cluster"].isin(set(trained["cluster"])).mean()),
        "copies": int(copied.sum()),
        "most_copied": float(copied.groupby(tested["language"]).mean().max()),
        "shared_texts": int(longer.index[longer.isin(trained_contents.longer)].nunique()),
        "near_duplicates": near_duplicate_share(tested_contents.signatures, trained_contents.signatures),
    }


def violations(table: pd.DataFrame) -> list[str]:
    """Describe the pairs that share a function or a cluster, or of which one is mostly a copy of the other."""
    trained = table[table["split"] == "train"].to_dict("records")
    same_source = [
        f"task {row['trained_on']} trains on {row[name]:.2%} of the {name} that target {row['tested_on']} is tested on"
        for row in trained
        for name in SAME_SOURCE
        if row[name] > 0
    ]
    copied = [
        f"task {row['trained_on']} trains on the texts of {row['most_copied']:.0%} of the test examples of target "
        f"{row['tested_on']} in one language: check whether one split is read twice"
        for row in trained
        if row["most_copied"] > MAX_COPIED
    ]
    return same_source + copied


def findings(table: pd.DataFrame, split: str) -> list[str]:
    """Describe each pair of sets that overlap: the ``split`` of the first task and the tests of the second."""
    lines = []
    for row in table[table["split"] == split].to_dict("records"):
        if overlaps := _described(row):
            lines.append(f"{row['trained_on']} and {row['tested_on']}: {', '.join(overlaps)}")
    return lines


def _described(row: dict[Hashable, Any]) -> list[str]:
    numbers = {"copies": "are copies", "shared_texts": "share a text"}
    counts = [f"{row[key]} of {row['tested']} {name}" for key, name in numbers.items() if row[key] > 0]
    shares = {"functions": "functions", "clusters": "clusters", "near_duplicates": "near-duplicates"}
    return counts + [f"{row[key]:.2%} {name}" for key, name in shares.items() if row[key] > 0]


def summary(table: pd.DataFrame) -> list[str]:
    """Return the findings of an audit in lines for a log."""
    train, dev = findings(table, "train"), findings(table, "dev")
    pairs = (table["split"] == "train").sum()
    return [
        *train,
        *(f"dev and test set: {line}" for line in dev),
        f"{len(train)} of {pairs} pairs of training and test sets overlap",
    ]
