"""Classes: accuracy, F1 of the positive class, and F1 of sets of labels."""

from collections.abc import Iterable, Sequence

import pandas as pd

from codestilts.errors import CodeStiltsError

POSITIVE, NEGATIVE = "1", "0"
LABEL_SEPARATOR = "|"  # of labels in a text: the names of tags have blanks and commas in them


def ratio(index: pd.Index, numerator: object, denominator: object) -> pd.DataFrame:
    """Numerator and denominator as two float columns."""
    return pd.DataFrame({"numerator": numerator, "denominator": denominator}, index=index, dtype="float64")


def f1_ratio(index: pd.Index, gold: Sequence[set], predicted: Sequence[set]) -> pd.DataFrame:
    """Micro-averaged F1 of things to find, one set a row: 2 tp / (predicted + gold) is a ratio of sums."""
    pairs = list(zip(gold, predicted, strict=True))
    return ratio(index, [2 * len(a & b) for a, b in pairs], [len(a) + len(b) for a, b in pairs])


def accuracy(predictions: pd.DataFrame) -> pd.DataFrame:
    """One per example: is the predicted label (or choice) the gold one?"""
    return ratio(predictions.index, predictions["prediction"] == predictions["gold"], 1.0)


def binary_f1(predictions: pd.DataFrame) -> pd.DataFrame:
    """F1 of the label ``1`` against ``0``, as CodeXGLUE scores BigCloneBench (scikit-learn's default).

    The mean of both labels' F1 that was reported at first is higher: GraphCodeBERT's 97.1 became 95.0. Raises where a
    label is neither of the two.
    """
    labels = pd.concat([predictions["gold"], predictions["prediction"]])
    others = sorted(set(labels) - {POSITIVE, NEGATIVE})
    if others:
        raise CodeStiltsError(f"binary F1 of the label '{others[0]}': name the labels {NEGATIVE} and {POSITIVE}")
    gold, predicted = (predictions[name] == POSITIVE for name in ("gold", "prediction"))
    return ratio(predictions.index, 2 * (gold & predicted), gold.astype(int) + predicted)


def micro_f1(predictions: pd.DataFrame) -> pd.DataFrame:
    """Micro-averaged F1 of the labels of each example, which are joined by ``|``; an empty text has none."""
    return f1_ratio(predictions.index, *(label_sets(predictions[name]) for name in ("gold", "prediction")))


def macro_f1(predictions: pd.DataFrame) -> pd.DataFrame:
    """F1 of every label, averaged over the labels that occur in either; labels of an example are joined by ``|``.

    As xCodeEval (Khan et al. 2024, arXiv 2303.03004) scores its tags: a row for each label of an example.
    """
    pairs = zip(*(label_sets(predictions[name]) for name in ("gold", "prediction")), strict=True)
    rows = [
        (index, label, 2.0 * (label in gold and label in predicted), float(label in gold) + (label in predicted), not n)
        for index, (gold, predicted) in zip(predictions.index, pairs, strict=True)
        for n, label in enumerate(sorted(gold | predicted) or [""])
    ]
    table = pd.DataFrame(rows, columns=["index", "label", "numerator", "denominator", "n"])
    return table.astype({"n": int}).set_index("index").rename_axis(None)


def label_sets(texts: Iterable[str]) -> list[set[str]]:
    """The labels of each text."""
    return [set(text.split(LABEL_SEPARATOR)) - {""} for text in texts]
