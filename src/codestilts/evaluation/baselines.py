"""Trivial predictors: what a target's score is worth is its margin over them.

Each is fitted on the target's train rows only (retrieval, with nothing to fit, uses the test rows' own word
counts as any search index would) and predicts the rows that a trained model predicts, in the same columns,
with arm ``baseline:NAME`` and seed 0.
"""

import itertools
import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sized
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from codestilts.errors import CodeStiltsError
from codestilts.evaluation.metrics.ranking import once
from codestilts.examples.text import subtokens
from codestilts.seeding import derive_seed

Predicted = dict[str, Any]  # column -> one entry a row, or one for all

BLOCK = 1 << 23  # scores that are in memory at once
MANY = 20_000  # documents: more than any set has of which all pairs are scored
STEP = 64  # queries that BM25 answers at once where there are many documents
SENTENCE = re.compile(r"[^.!?。！？।]+[.!?。！？।]*")

COLUMNS = ["encoder", "arm", "target", "seed", "id", "language", "unit", "package", "split", "gold", "prediction"]


def baseline_predictions(examples: pd.DataFrame, target: str, task: dict[str, Any], seed: int = 0) -> pd.DataFrame:
    """Predictions of every trivial baseline of a task type on the rows a model predicts.

    ``task`` has ``type`` and, for retrieval, ``options``. Raises :class:`CodeStiltsError` if a needed split
    is empty.
    """
    train = examples[examples["split"] == "train"]
    mining = (task.get("options") or {}).get("protocol") == "mining"
    rows = examples[examples["split"].isin(["dev", "test"] if mining else ["test"])]
    if rows.empty or (train.empty and task["type"] != "retrieval"):
        raise CodeStiltsError(f"examples of target '{target}': the {'test' if rows.empty else 'train'} split is empty")
    predictors = {
        "classification": classes,
        "tagging": tags,
        "span_qa": spans,
        "retrieval": mine if mining else rank,
        "multiple_choice": choices,
    }
    if task["type"] not in predictors:
        return pd.DataFrame(columns=[*COLUMNS, "score"])
    rng = np.random.default_rng(derive_seed("baseline", target, seed))
    frames = []
    for name, predicted in predictors[task["type"]](train, rows, rng).items():
        frame = rows.loc[predicted.pop("index", rows.index.tolist())].copy()
        frame["unit"] = frame["unit"] if "unit" in frame else frame["cluster"]
        fixed: Predicted = {"encoder": "", "arm": f"baseline:{name}", "target": target, "seed": 0, "score": 0.0}
        for column, entries in {**fixed, **predicted}.items():
            frame[column] = entries
        frames.append(frame[[*COLUMNS, "score", *(["answers"] if "answers" in frame else [])]])
    return pd.concat(frames, ignore_index=True)


def classes(train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator) -> dict[str, Predicted]:
    """Majority label, random label, and for text pairs a threshold on their word overlap."""
    gold = rows["label"].tolist()
    labels = sorted(set(train["label"]))
    majority = max(labels, key=Counter(train["label"]).__getitem__)
    out: dict[str, Predicted] = {
        "majority": {"gold": gold, "prediction": [majority] * len(rows)},
        "random": {
            "gold": gold,
            "prediction": [labels[i] for i in rng.integers(len(labels), size=len(rows))],
        },
    }
    if len(labels) == 2 and (train["text_b"] != "").all():
        cut, low, high = best_cut(overlaps(train), train["label"].tolist())
        predicted = [high if value >= cut else low for value in overlaps(rows)]
        out["overlap"] = {"gold": gold, "prediction": predicted}
    return out


def overlaps(rows: pd.DataFrame) -> list[float]:
    """Jaccard overlap (0 to 1) of the sub-tokens of both texts."""
    pairs = zip(rows["text_a"], rows["text_b"], strict=True)
    return [len(a & b) / max(len(a | b), 1) for a, b in ((set(subtokens(x)), set(subtokens(y))) for x, y in pairs)]


def best_cut(values: list[float], labels: list[str]) -> tuple[float, str, str]:
    """The cut with the best accuracy on the train rows: (cut, label below, label at or above)."""
    first, second = sorted(set(labels))
    best: tuple[float, float, str, str] = (-1.0, 0.0, first, second)
    where = np.array(values)
    is_second = np.array([label == second for label in labels])
    for cut in sorted(set(values)):
        above = where >= cut
        agree = float(np.mean(above == is_second))
        for accuracy, low, high in ((agree, first, second), (1 - agree, second, first)):
            if accuracy > best[0]:
                best = (accuracy, cut, low, high)
    return best[1], best[2], best[3]


def tags(train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator) -> dict[str, Predicted]:
    """The most frequent tag of all, and the most frequent tag of each token (of the majority where it is
    new).
    """
    by_form: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for tokens, row_tags in zip(train["tokens"], train["tags"], strict=True):
        for token, tag in zip(tokens, row_tags, strict=True):
            by_form[token][tag] += 1
    total = sum(by_form.values(), Counter())
    majority = most_common(total)
    usual = {token: most_common(counter) for token, counter in by_form.items()}
    gold = [" ".join(row) for row in rows["tags"]]
    return {
        "majority": {
            "gold": gold,
            "prediction": [" ".join([majority] * len(tokens)) for tokens in rows["tokens"]],
        },
        "word-form": {
            "gold": gold,
            "prediction": [" ".join(usual.get(token, majority) for token in tokens) for tokens in rows["tokens"]],
        },
    }


def most_common(counter: Counter[str]) -> str:
    """The most frequent key; the first in the alphabet among equals."""
    return min(counter, key=lambda key: (-counter[key], key))


def spans(train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator) -> dict[str, Predicted]:
    """Of the answers an example's ``options`` name: the first, the last, a random one, the one most like the
    question. Where there are no options, they are the sentences of the passage.

    Likeness is the share of the option's sub-tokens that the question has; the first wins among equals.
    """
    gold = rows["answer_text"].tolist()
    if "options" in rows:
        options = [list(row) for row in rows["options"]]
    else:
        options = [[part.strip() for part in SENTENCE.findall(text)] or [text] for text in rows["context"]]
    draws = rng.random(len(rows))
    likely = []
    for question, names in zip(rows["question"], options, strict=True):
        words = set(subtokens(question))
        shares = [len(words & set(subtokens(name))) / max(len(set(subtokens(name))), 1) for name in names]
        likely.append(names[int(np.argmax(shares))])
    return {
        "first": {"gold": gold, "prediction": [names[0] for names in options]},
        "last": {"gold": gold, "prediction": [names[-1] for names in options]},
        "random": {
            "gold": gold,
            "prediction": [n[int(d * len(n))] for n, d in zip(options, draws, strict=True)],
        },
        "overlap": {"gold": gold, "prediction": likely},
    }


def choices(train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator) -> dict[str, Predicted]:
    """The most frequent place of the right choice, a random choice, and the one most like the context.

    Likeness is the share of the choice's sub-tokens that the context has; the first wins among equals.
    """
    gold = rows["label"].astype(str).tolist()
    place = Counter(train["label"]).most_common(1)[0][0]
    sizes = rows["choices"].str.len()
    likely = []
    for context, options in zip(rows["context"], rows["choices"], strict=True):
        words = set(subtokens(context))
        shares = [len(words & set(subtokens(text))) / max(len(set(subtokens(text))), 1) for text in options]
        likely.append(str(int(np.argmax(shares))))
    return {
        "majority": {"gold": gold, "prediction": [str(min(place, size - 1)) for size in sizes]},
        "random": {"gold": gold, "prediction": [str(int(rng.integers(size))) for size in sizes]},
        "overlap": {"gold": gold, "prediction": likely},
    }


class BM25:
    """Okapi BM25 (Robertson et al. 1994) over sub-tokens; memory follows the words of the texts."""

    def __init__(self, documents: list[str], k1: float = 1.2, b: float = 0.75) -> None:
        seen: dict[str, int] = {}
        frequency = _counted(documents, lambda word: seen.setdefault(word, len(seen)), seen)
        self.vocabulary = {word: place for place, word in enumerate(sorted(seen))}  # one order of all sums
        frequency.indices = np.array([self.vocabulary[word] for word in seen], dtype=np.int32)[frequency.indices]
        length = np.asarray(frequency.sum(1)).ravel()
        containing = np.bincount(frequency.indices, minlength=len(self.vocabulary))
        idf = np.log(1 + (len(documents) - containing + 0.5) / (containing + 0.5))
        saturation = k1 * (1 - b + b * length / max(length.sum() / max(len(documents), 1), 1e-9))
        words = frequency.data
        row = np.repeat(np.arange(len(documents)), np.diff(frequency.indptr))
        frequency.data = idf[frequency.indices] * words * (k1 + 1) / (words + saturation[row])
        self.weights = frequency.T.tocsr()

    def __call__(self, queries: list[str]) -> np.ndarray:
        """The score of every query (row) and document (column)."""
        return self.found(queries).toarray()

    def found(self, queries: list[str]) -> csr_matrix:
        """The scores that aren't 0, in single precision: sums that are equal but for their order are ties."""
        asked = _counted(queries, self.vocabulary.get, self.vocabulary)
        asked.sort_indices()
        return (asked @ self.weights).astype(np.float32)


def _counted(texts: list[str], place: Callable[[str], int | None], words: Sized) -> csr_matrix:
    """How often each word that has a place stands in each text (row); ``words`` has as many as there are columns."""
    columns, counts, ends = array("i"), array("d"), array("q", [0])
    for text in texts:
        for word, count in Counter(subtokens(text)).items():
            if (column := place(word)) is not None:
                columns.append(column)
                counts.append(count)
        ends.append(len(columns))
    cells = (np.array(counts), np.array(columns), np.array(ends))
    return csr_matrix(cells, shape=(len(texts), len(words)))


def likeness(
    name: str, queries: list[str], documents: list[str], rng: np.random.Generator
) -> Iterator[tuple[int, np.ndarray]]:
    """Scores of all documents for some queries at a time, with the place of the first: by BM25, or ``random`` ones."""
    search = BM25(documents) if name == "bm25" else None
    step = max(1, BLOCK // max(len(documents), 1))
    for start in range(0, len(queries), step):
        some = queries[start : start + step]
        yield start, search(some) if search else rng.random((len(some), len(documents)))


def nearest(
    name: str, queries: list[str], documents: list[str], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The best document of each query (the first among equals), and its highest scores, ascending: four, if there are.

    Where there are many documents only what BM25 finds is looked at, and random scores aren't drawn one by one: the
    highest of n uniform numbers is distributed as the n-th root of one, the next as that times an (n - 1)-th root.
    """
    width, places = min(4, len(documents)), np.zeros(len(queries), dtype=np.int64)
    highest = np.zeros((len(queries), width), dtype=np.float32 if name == "bm25" else np.float64)
    if len(documents) <= MANY:
        for start, scores in likeness(name, queries, documents, rng):
            stop = start + len(scores)
            places[start:stop] = scores.argmax(1)
            highest[start:stop] = np.sort(np.partition(scores, scores.shape[1] - width)[:, -width:])
    elif name == "random":
        places = rng.integers(len(documents), size=len(queries))
        roots = rng.random((len(queries), width)) ** (1 / (len(documents) - np.arange(width)))
        highest = np.cumprod(roots, axis=1)[:, ::-1]
    else:
        search = BM25(documents)
        for start in range(0, len(queries), STEP):
            found = search.found(queries[start : start + STEP])
            for row, (begin, end) in enumerate(itertools.pairwise(found.indptr), start):
                scores = np.sort(found.data[begin:end])[-width:]
                if len(scores):
                    highest[row, -len(scores) :] = scores
                    places[row] = found.indices[begin:end][found.data[begin:end] == scores[-1]].min()
    return places, highest


def rank(train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator) -> dict[str, Predicted]:
    """BM25 and a random order; candidates and ties as for a model: own language and split, ties go against
    the row.
    """
    out: dict[str, Predicted] = {}
    for name in ("bm25", "random"):
        parts = []
        for _, part in rows.groupby(["language", "split"], sort=True):
            cluster, ids = pd.factorize(part["cluster"])[0], part["id"].to_numpy()
            for start, scores in likeness(name, part["query"].tolist(), part["document"].tolist(), rng):
                here = np.arange(start, start + len(scores))
                own = here[:, None] == np.arange(len(part))
                scores[(cluster[here][:, None] == cluster) & ~own] = -np.inf
                place = 1 + ((scores >= scores[own][:, None]) & ~own).sum(1)
                best = np.where(place == 1, here, np.where(own, -np.inf, scores).argmax(1))
                found = {"gold": ids[here], "prediction": ids[best], "score": 1 / place}
                parts.append(pd.DataFrame(found, index=part.index[here]))
        out[name] = _lists(parts)
    return out


def mine(train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator) -> dict[str, Predicted]:
    """BM25's and a random best candidate of every query; the margin is the score over the mean of the four
    best. Texts that occur twice are out, as for a model.
    """
    out: dict[str, Predicted] = {}
    for name in ("bm25", "random"):
        parts = []
        for _, part in rows.groupby(["language", "split"], sort=True):
            asked, offered = part[part["query"] != ""], part[part["document"] != ""]
            offered = offered[~offered["document"].str.strip().duplicated()]
            ids = np.where(once(part.loc[part["document"] != "", "document"])[offered.index], offered["id"], "")
            single = once(asked["query"]).to_numpy()
            place, highest = nearest(name, asked["query"].tolist(), offered["document"].tolist(), rng)
            near = highest.mean(1)
            margin = highest[:, -1] / np.where(near > 0, near, 1)
            gold = asked["id"].where(asked["document"] != "", "")
            predicted = np.where(single, ids[place], "")
            parts.append(pd.DataFrame({"gold": gold, "prediction": predicted, "score": margin}, index=asked.index))
        out[name] = _lists(parts)
    return out


def _lists(parts: list[pd.DataFrame]) -> Predicted:
    frame = pd.concat(parts).sort_index()
    return {str(name): frame[name].tolist() for name in frame} | {"index": frame.index.tolist()}
