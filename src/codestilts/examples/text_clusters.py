"""Cluster the texts of all examples of a study, and find training examples that are near-duplicates of tested ones.

One clustering covers all sets, both those made of functions of packages and those of the hub. Names of sets and the
clusters of their builders play no part. Two texts are near-duplicates if they are equal without
white space, invisible characters and case, or if their sets of word shingles are similar (MinHash with banded LSH,
:mod:`codestilts.examples.near_duplicates`). Clusters are the connected components of this relation.

Files are read in parts. Half a kilobyte for each distinct text stays in memory.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from codestilts.examples.near_duplicates import PERMUTATIONS, components, hash_words, near_pairs, signatures
from codestilts.job_files import open_parquet, read_batches

TEXTS = (
    "text_a", "text_b", "context", "choices", "document", "query", "question", "text", "tokens", "source", "reference"
)  # fmt: skip
# Characters without white space. Of the pocket study's test texts, compared with each training set, 9 of 8,417 recur by
# chance below 20 characters, 1 of 20,710 from 20 to 30, and none of 358,036 from 30 on.
LONGER = 60  # characters of a text that is compared separately
WHOLE = 20  # characters of all texts of an example together, if none of them has LONGER
LONG = 12  # words, which make 8 shingles of five; with fewer words, one change would affect most shingles
ROWS_PER_CHUNK = 5000  # examples in memory at a time
SPLITS = ("train", "dev", "test")
COLUMNS = ["task", "split", "row", "cluster"]
# White space and invisible characters.
_UNSEEN = re.compile(r"[\s\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]+")
# A word, or one character of a script without spaces (Thai, Lao, Burmese, Khmer, kana, Han) or of punctuation.
_WORD = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|\w+|[^\w\s]")


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
    """Normalise a text for comparison: NFKC, without case, white space and invisible characters."""
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", text).casefold())


def words(text: str) -> list[str]:
    """Return the words of a text, which do not depend on spaces in code.

    Case and underscores are removed, because names in different styles are the same otherwise.
    """
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold().replace("_", ""))


def compared(texts: list[str]) -> dict[str, str]:
    """Return the texts that represent an example, by normalised text: its longer ones, else all of them together."""
    normal = {normalised(text): text for text in texts}
    if longer := {key: text for key, text in normal.items() if len(key) >= LONGER}:
        return longer
    whole = "\0".join(sorted(normal.keys() - {""}))
    return {whole: ""} if len(whole) >= WHOLE else {}


@dataclass
class _Texts:
    """The distinct texts of a study: their numbers by digest, and the signatures of those that are not short."""

    numbers: dict[int, int] = field(default_factory=dict)
    signed: list[np.ndarray] = field(default_factory=list)
    signatures: list[np.ndarray] = field(default_factory=list)

    def add(self, digests: np.ndarray, texts: list[str]) -> np.ndarray:
        """Add texts and return the number of each."""
        new: dict[int, int] = {}  # the number of a new text -> its position
        for position, digest in enumerate(digests.tolist()):
            if digest not in self.numbers:
                new[len(self.numbers)] = position
                self.numbers[digest] = len(self.numbers)
        found = {number: words(texts[position]) for number, position in new.items()}
        found = {number: text for number, text in found.items() if len(text) >= LONG}
        if found:
            vocabulary, flat = dict[str, int](), list[int]()
            for text in found.values():
                flat += [vocabulary.setdefault(word, len(vocabulary)) for word in text]
            hashes = hash_words(list(vocabulary))[flat]
            signed = signatures(hashes, np.array([len(text) for text in found.values()], dtype=np.int64))
            self.signatures.append((signed >> np.uint64(32)).astype(np.uint32))
            self.signed.append(np.fromiter(found, dtype=np.int64))
        return np.array([self.numbers[digest] for digest in digests.tolist()], dtype=np.int64)

    def clusters(self, similarity: float) -> np.ndarray:
        """Return the cluster of each text."""
        signed = np.concatenate([np.empty(0, np.int64), *self.signed])
        signature = np.concatenate([np.empty((0, PERMUTATIONS), np.uint32), *self.signatures])
        pairs = signed[near_pairs(signature, similarity)] if len(signed) else np.empty((0, 2), np.int64)
        return components(len(self.numbers), pairs)


def text_clusters(examples: Mapping[str, Path], targets: Collection[str], similarity: float) -> pd.DataFrame:
    """Cluster all texts and return the examples in clusters that several splits share.

    Args:
        examples: The files of examples of all tasks of a study, by task.
        targets: The tasks whose dev and test examples are tested.
        similarity: The Jaccard similarity of word shingles from which two texts are near-duplicates.

    Returns:
        A row for each training or tested example and cluster, of the clusters that have tested examples and also
        training examples, or both dev and test examples: task, split, row (position of the example in its table) and
        cluster.
    """
    texts, occurrences, names = _Texts(), [], np.array(sorted(examples))
    for number, name in enumerate(names):
        occurrences += [chunk.assign(task=np.int16(number)) for chunk in _occurrences(examples[name], texts)]
    if not occurrences:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(occurrences, ignore_index=True)
    table["cluster"] = texts.clusters(similarity)[table["text"].to_numpy()]
    tested = (table["split"] != SPLITS.index("train")) & np.isin(names, list(targets))[table["task"]]
    table = table[tested | (table["split"] == SPLITS.index("train"))]
    has = {split: table.loc[table["split"] == number, "cluster"].unique() for number, split in enumerate(SPLITS)}
    leaked = np.intersect1d(has["train"], np.union1d(has["dev"], has["test"]))
    shared = np.union1d(leaked, np.intersect1d(has["dev"], has["test"]))
    table = table[table["cluster"].isin(shared)].drop_duplicates(COLUMNS)
    table = table.assign(task=names[table["task"]], split=np.array(SPLITS)[table["split"]])
    return table[COLUMNS].sort_values(COLUMNS, ignore_index=True)


def _chunks(examples: Path) -> Iterator[pd.DataFrame]:
    """Read splits and texts of examples, some thousand at a time."""
    columns = [name for name in open_parquet(examples).schema_arrow.names if name in ("split", *TEXTS)]
    for batch in read_batches(examples, ROWS_PER_CHUNK, columns):
        yield batch.to_pandas()


def _occurrences(examples: Path, texts: _Texts) -> list[pd.DataFrame]:
    """Which texts each example has: split (its number), row and text (its number)."""
    start, found = 0, []
    for frame in _chunks(examples):
        pairs = [(row, key, text) for row, own in enumerate(parts(frame)) for key, text in compared(own).items()]
        if pairs:
            rows, keys, values = (list(column) for column in zip(*pairs, strict=True))
            splits = frame["split"].map(SPLITS.index).to_numpy(dtype=np.int8)[rows]
            numbers = texts.add(pd.util.hash_array(np.array(keys, dtype=object), categorize=False), values)
            own = {"split": splits, "row": np.array(rows, dtype=np.int32) + start, "text": numbers}
            found.append(pd.DataFrame(own))
        start += len(frame)
    return found
