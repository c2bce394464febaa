"""Trivial predictors: what a target's score is worth is its margin over them.

Each is fitted on the target's train rows only (retrieval, with nothing to fit, uses the test rows' own word
counts as any search index would) and predicts the rows that a trained model predicts, in the same columns,
with arm ``baseline:NAME`` and seed 0.
"""

import re
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.text import subtokens
from codestilts.seeds import derive_seed

Predicted = dict[str, Any]  # column -> one entry a row, or one for all

SENTENCE = re.compile(r"[^.!?。！？।]+[.!?。！？।]*")

COLUMNS = [
    "encoder",
    "arm",
    "target",
    "seed",
    "id",
    "language",
    "cluster",
    "package",
    "split",
    "gold",
    "prediction",
]


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
        frame["cluster"] = frame["unit"] if "unit" in frame else frame["cluster"]
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


def bm25(queries: list[str], documents: list[str], k1: float = 1.2, b: float = 0.75) -> np.ndarray:
    """Okapi BM25 (Robertson et al. 1994) of every query (row) and document (column), over sub-tokens."""
    counts = [Counter(subtokens(document)) for document in documents]
    vocabulary = {word: i for i, word in enumerate(sorted(set().union(*counts)))}
    frequency = np.zeros((len(documents), len(vocabulary)), dtype=np.float32)
    for row, counter in enumerate(counts):
        frequency[row, [vocabulary[word] for word in counter]] = list(counter.values())
    length = frequency.sum(1, keepdims=True)
    containing = (frequency > 0).sum(0)
    idf = np.log(1 + (len(documents) - containing + 0.5) / (containing + 0.5))
    saturation = k1 * (1 - b + b * length / max(float(length.mean()), 1e-9))
    weights = idf * frequency * (k1 + 1) / (frequency + saturation)
    asked = np.zeros((len(queries), len(vocabulary)), dtype=np.float32)
    for row, query in enumerate(queries):
        for word, count in Counter(subtokens(query)).items():
            if word in vocabulary:
                asked[row, vocabulary[word]] = count
    return asked @ weights.T.astype(np.float32)


def rank(train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator) -> dict[str, Predicted]:
    """BM25 and a random order; candidates and ties as for a model: own language and split, ties go against
    the row.
    """
    out: dict[str, Predicted] = {}
    for name in ("bm25", "random"):
        parts = []
        for _, part in rows.groupby(["language", "split"], sort=True):
            texts = part["query"].tolist(), part["document"].tolist()
            scores = bm25(*texts) if name == "bm25" else rng.random((len(part), len(part)))
            cluster = pd.factorize(part["cluster"])[0]
            own = np.eye(len(part), dtype=bool)
            scores[(cluster[:, None] == cluster) & ~own] = -np.inf
            place = 1 + ((scores >= np.diag(scores)[:, None]) & ~own).sum(1)
            best = np.where(place == 1, np.arange(len(part)), np.where(own, -np.inf, scores).argmax(1))
            ids = part["id"].to_numpy()
            parts.append(pd.DataFrame({"gold": ids, "prediction": ids[best], "score": 1 / place}, index=part.index))
        out[name] = _lists(parts)
    return out


def mine(train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator) -> dict[str, Predicted]:
    """BM25's and a random best candidate of every query; the margin is the score over the mean of the four
    best.
    """
    out: dict[str, Predicted] = {}
    for name in ("bm25", "random"):
        parts = []
        for _, part in rows.groupby(["language", "split"], sort=True):
            asked, offered = part[part["query"] != ""], part[part["document"] != ""]
            if name == "bm25":
                scores = bm25(asked["query"].tolist(), offered["document"].tolist())
            else:
                scores = rng.random((len(asked), len(offered)))
            near = np.sort(scores, axis=1)[:, -4:].mean(1)
            margin = scores.max(1) / np.where(near > 0, near, 1)
            gold = asked["id"].where(asked["document"] != "", "")
            predicted = offered["id"].to_numpy()[scores.argmax(1)]
            columns = {"gold": gold, "prediction": predicted, "score": margin}
            parts.append(pd.DataFrame(columns, index=asked.index))
        out[name] = _lists(parts)
    return out


def _lists(parts: list[pd.DataFrame]) -> Predicted:
    frame = pd.concat(parts).sort_index()
    return {str(name): frame[name].tolist() for name in frame} | {"index": frame.index.tolist()}
