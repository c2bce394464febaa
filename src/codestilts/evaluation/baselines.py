"""Trivial predictors. A model's score on a target is judged by its margin over theirs.

Each predictor is fitted on the target's train rows only. Retrieval has nothing to fit: like any search index it counts
the words of the test documents. Predictors predict the same rows as trained models do, into the same columns, with the
arm ``baseline:NAME`` and seed 0.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from codestilts.columns import LABEL_SEPARATOR
from codestilts.config.preparation_settings import BaselineSettings
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.bm25 import nearest, score_blocks
from codestilts.evaluation.generation_baselines import generated_texts
from codestilts.evaluation.metrics.classes import POSITIVE, label_sets
from codestilts.evaluation.metrics.ranking import average_precision_at_r, nearest_labels, occurs_once
from codestilts.evaluation.output_language import found_languages
from codestilts.examples.text import most_similar, sentences, subtokens
from codestilts.seeding import derive_seed

COLUMNS = ["encoder", "arm", "target", "seed", "id", "language", "unit", "package", "split", "gold", "prediction"]

KEPT = ["answers", "source", "output_language"]  # columns of examples that metrics read


def positive_answer(metric: str, labels: Sequence[str]) -> str:
    """Return the answer that names all labels that count for an F1; "" if the metric is another.

    Sets of labels count only if an example may have several.
    """
    if metric == "binary_f1":
        return POSITIVE
    several = metric in ("micro_f1", "macro_f1") and any(LABEL_SEPARATOR in label for label in labels)
    return LABEL_SEPARATOR.join(sorted(set().union(*label_sets(labels)))) if several else ""


@dataclass(frozen=True)
class Predicted:
    """What a baseline predicts: one entry per row, or per row of ``index`` (labels of the examples table)."""

    gold: list[str]
    prediction: list[str]
    score: list[float] | None = None
    index: list[Any] | None = None


def baseline_predictions(examples: pd.DataFrame, target: str, settings: BaselineSettings) -> pd.DataFrame:
    """Predict the rows that a model predicts with every trivial baseline of a task type.

    Args:
        examples: Examples of the target, all splits.
        target: Name of the target; it also seeds the random baselines.
        settings: The task type of the target and, for retrieval, its protocol.

    Raises:
        CodeStiltsError: The train split (unless the type is retrieval) or the test split is empty.
    """
    train = examples[examples["split"] == "train"]
    search = {"rank": rank, "mining": mine, "map": rank_by_cluster}[settings.protocol]
    rows = examples[examples["split"].isin(["dev", "test"] if search is mine else ["test"])]
    if rows.empty or (train.empty and settings.type != "retrieval"):
        raise CodeStiltsError(f"examples of target '{target}': the {'test' if rows.empty else 'train'} split is empty")
    predictors: dict[str, Callable[..., dict[str, Predicted]]] = {
        "classification": partial(classes, metric=settings.metric),
        "tagging": tags,
        "span_qa": spans,
        "retrieval": search,
        "multiple_choice": choices,
        "generation": partial(texts, source_language=settings.source_language),
    }
    if settings.type not in predictors:
        return pd.DataFrame(columns=[*COLUMNS, "score"])
    rng = np.random.default_rng(derive_seed("baseline", target, 0))
    frames = []
    for name, predicted in predictors[settings.type](train, rows, rng).items():
        frame = rows.loc[rows.index if predicted.index is None else predicted.index].copy()
        frame["unit"] = frame["unit"] if "unit" in frame else frame["cluster"]
        frame = frame.assign(encoder="", arm=f"baseline:{name}", target=target, seed=0)
        frame["gold"], frame["prediction"] = predicted.gold, predicted.prediction
        frame["score"] = 0.0 if predicted.score is None else predicted.score
        frames.append(frame[[*COLUMNS, "score", *(name for name in KEPT if name in frame)]])
    found = pd.concat(frames, ignore_index=True)
    if settings.type == "generation":
        found["found_language"] = found_languages(found, settings.source_language)
    return found


def classes(
    train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator, metric: str = ""
) -> dict[str, Predicted]:
    """Predict the majority label, a random label and, for pairs of texts, a label by their word overlap.

    An F1 of labels rewards another answer that reads nothing: every label that counts, always (Lipton et al. 2014,
    arXiv 1402.1892, on classifiers that are not informative). With a share p of positive rows it scores 2p / (1 + p).
    """
    gold = rows["label"].tolist()
    labels = sorted(set(train["label"]))
    majority = max(labels, key=Counter(train["label"]).__getitem__)
    out = {
        "majority": Predicted(gold, [majority] * len(rows)),
        "random": Predicted(gold, [labels[i] for i in rng.integers(len(labels), size=len(rows))]),
    }
    if positive := positive_answer(metric, labels):
        out["positive"] = Predicted(gold, [positive] * len(rows))
    if len(labels) == 2 and (train["text_b"] != "").all():
        cut, low, high = best_cut(overlaps(train), train["label"].tolist())
        out["overlap"] = Predicted(gold, [high if value >= cut else low for value in overlaps(rows)])
    return out


def overlaps(rows: pd.DataFrame) -> list[float]:
    """Compute the Jaccard overlap (0 to 1) of the sub-tokens of both texts of each row."""
    pairs = zip(rows["text_a"], rows["text_b"], strict=True)
    return [len(a & b) / max(len(a | b), 1) for a, b in ((set(subtokens(x)), set(subtokens(y))) for x, y in pairs)]


def best_cut(values: list[float], labels: list[str]) -> tuple[float, str, str]:
    """Find the cut with the best accuracy on the train rows.

    Returns:
        The cut, the label below it, and the label at or above it.
    """
    first, second = sorted(set(labels))
    best_accuracy, best = -1.0, (0.0, first, second)
    overlap = np.array(values)
    is_second = np.array([label == second for label in labels])
    for cut in sorted(set(values)):
        agreement = float(np.mean((overlap >= cut) == is_second))
        for accuracy, low, high in ((agreement, first, second), (1 - agreement, second, first)):
            if accuracy > best_accuracy:
                best_accuracy, best = accuracy, (cut, low, high)
    return best


def tags(train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator) -> dict[str, Predicted]:
    """Predict the most frequent tag of all, and the most frequent tag of each token (of all, if it is unseen)."""
    by_form: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for tokens, row_tags in zip(train["tokens"], train["tags"], strict=True):
        for token, tag in zip(tokens, row_tags, strict=True):
            by_form[token][tag] += 1
    total = sum(by_form.values(), Counter())
    majority = most_common(total)
    usual = {token: most_common(counter) for token, counter in by_form.items()}
    gold = [" ".join(row) for row in rows["tags"]]
    by_token = [" ".join(usual.get(token, majority) for token in tokens) for tokens in rows["tokens"]]
    return {
        "majority": Predicted(gold, [" ".join([majority] * len(tokens)) for tokens in rows["tokens"]]),
        "word-form": Predicted(gold, by_token),
    }


def most_common(counter: Counter[str]) -> str:
    """Return the most frequent key, the alphabetically first among equals."""
    return min(counter, key=lambda key: (-counter[key], key))


def spans(train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator) -> dict[str, Predicted]:
    """Predict the first, the last, a random and the option that is most similar to the question.

    The options of a row are those that its column ``options`` lists, else the sentences of its context. Where training
    has questions without an answer, another baseline never answers.
    """
    gold = rows["answer_text"].tolist()
    if "options" in rows:
        options = [list(row) for row in rows["options"]]
    else:
        options = [sentences(text) for text in rows["context"]]
    draws = rng.random(len(rows))
    pairs = zip(rows["question"], options, strict=True)
    unanswered = {"empty": Predicted(gold, [""] * len(rows))} if (train["answer_text"] == "").any() else {}
    return unanswered | {
        "first": Predicted(gold, [names[0] for names in options]),
        "last": Predicted(gold, [names[-1] for names in options]),
        "random": Predicted(gold, [names[int(draw * len(names))] for names, draw in zip(options, draws, strict=True)]),
        "overlap": Predicted(gold, [names[most_similar(question, names)] for question, names in pairs]),
    }


def choices(train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator) -> dict[str, Predicted]:
    """Predict the most frequent index of the right choice, a random one and the one most similar to the context."""
    gold = rows["label"].astype(str).tolist()
    usual = Counter(train["label"]).most_common(1)[0][0]
    sizes = rows["choices"].str.len()
    pairs = zip(rows["context"], rows["choices"], strict=True)
    return {
        "majority": Predicted(gold, [str(min(usual, size - 1)) for size in sizes]),
        "random": Predicted(gold, [str(int(rng.integers(size))) for size in sizes]),
        "overlap": Predicted(gold, [str(most_similar(context, texts)) for context, texts in pairs]),
    }


def texts(
    train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator, source_language: str
) -> dict[str, Predicted]:
    """Predict the most frequent text, a copied one, that of the nearest train row, and references.

    References are no baseline (:data:`codestilts.columns.PROBES`). How many of a row's own are found to be in another
    language, and how many of the source language are found to be in the language of another row, are the two errors of
    that measure. The column ``copied`` says what is copied, else it is the first sentence of the source.
    """
    copied = rows["copied"] if "copied" in rows else [sentences(text)[0] for text in rows["source"]]
    gold = rows["reference"].tolist()
    outputs = generated_texts(train, rows, list(copied)) | {"reference": gold}
    found = {name: Predicted(gold, texts) for name, texts in outputs.items()}
    return found | {"source-reference": _source_references(rows, source_language)}


def _source_references(rows: pd.DataFrame, source_language: str) -> Predicted:
    """Predict the references of the source language, in turn, for the rows that ask for another language."""
    in_source = rows[rows["language"] == source_language]
    others = rows[~rows["output_language"].isin(in_source["output_language"])] if len(in_source) else in_source
    place = others.groupby("language").cumcount() % max(len(in_source), 1)
    texts = in_source["reference"].to_numpy()[place].tolist()
    return Predicted(others["reference"].tolist(), texts, index=others.index.tolist())


def rank(train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator) -> dict[str, Predicted]:
    """Rank by BM25 and at random.

    As for a model, the candidates are those of the row's language and split without the rest of its cluster, and ties
    count against the row. The score is the reciprocal rank of the row's own document.
    """
    out: dict[str, Predicted] = {}
    for name in ("bm25", "random"):
        parts = []
        for _, part in rows.groupby(["language", "split"], sort=True):
            cluster, ids = pd.factorize(part["cluster"])[0], part["id"].to_numpy()
            for start, scores in score_blocks(name, part["query"].tolist(), part["document"].tolist(), rng):
                asking = np.arange(start, start + len(scores))
                is_own = asking[:, None] == np.arange(len(part))
                scores[(cluster[asking][:, None] == cluster) & ~is_own] = -np.inf
                position = 1 + ((scores >= scores[is_own][:, None]) & ~is_own).sum(1)
                best = np.where(position == 1, asking, np.where(is_own, -np.inf, scores).argmax(1))
                columns = {"gold": ids[asking], "prediction": ids[best], "score": 1 / position}
                parts.append(pd.DataFrame(columns, index=part.index[asking]))
        out[name] = _in_order(parts)
    return out


def rank_by_cluster(train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator) -> dict[str, Predicted]:
    """Rank all other rows for each query, by BM25 and at random; those of its cluster are right.

    The score is the average precision; ties count against the row.
    """
    out: dict[str, Predicted] = {}
    for name in ("bm25", "random"):
        parts = []
        for _, part in rows.groupby(["language", "split"], sort=True):
            queries, (codes, clusters) = part["query"].tolist(), pd.factorize(part["cluster"])
            for start, scores in score_blocks(name, queries, queries, rng):
                columns = {
                    "gold": clusters[codes[start : start + len(scores)]],
                    "prediction": clusters[nearest_labels(scores, codes, start)],
                    "score": average_precision_at_r(scores, codes, start),
                }
                parts.append(pd.DataFrame(columns, index=part.index[start : start + len(scores)]))
        out[name] = _in_order(parts)
    return out


def mine(train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator) -> dict[str, Predicted]:
    """Mine pairs by BM25 and at random: the best candidate of each query.

    The score is a margin, the ratio of the highest score to the mean of the four highest. As for a model, texts that
    occur twice are left out.
    """
    out: dict[str, Predicted] = {}
    for name in ("bm25", "random"):
        parts = []
        for _, part in rows.groupby(["language", "split"], sort=True):
            asked, offered = part[part["query"] != ""], part[part["document"] != ""]
            offered = offered[~offered["document"].str.strip().duplicated()]
            ids = np.where(occurs_once(part.loc[part["document"] != "", "document"])[offered.index], offered["id"], "")
            single = occurs_once(asked["query"]).to_numpy()
            best, highest = nearest(name, asked["query"].tolist(), offered["document"].tolist(), rng)
            mean = highest.mean(1)
            margin = highest[:, -1] / np.where(mean > 0, mean, 1)
            gold = asked["id"].where(asked["document"] != "", "")
            predicted = np.where(single, ids[best], "")
            parts.append(pd.DataFrame({"gold": gold, "prediction": predicted, "score": margin}, index=asked.index))
        out[name] = _in_order(parts)
    return out


def _in_order(parts: list[pd.DataFrame]) -> Predicted:
    """Join predictions in the order of the examples."""
    frame = pd.concat(parts).sort_index()
    return Predicted(
        **{name: frame[name].tolist() for name in ("gold", "prediction", "score")}, index=frame.index.tolist()
    )
