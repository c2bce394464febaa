"""Right or wrong: accuracy of examples, and of the tokens inside them."""

import pandas as pd

from codestilts.errors import CodeStiltsError


def ratio(index: pd.Index, numerator: object, denominator: object) -> pd.DataFrame:
    """Numerator and denominator as two float columns."""
    return pd.DataFrame({"numerator": numerator, "denominator": denominator}, index=index, dtype="float64")


def accuracy(predictions: pd.DataFrame) -> pd.DataFrame:
    """One per example: is the predicted label (or choice) the gold one?"""
    return ratio(predictions.index, predictions["prediction"] == predictions["gold"], 1.0)


def token_accuracy(predictions: pd.DataFrame) -> pd.DataFrame:
    """Correct tags over all tags; tags are joined by spaces. Raises where the two differ in length."""
    correct, total = [], []
    for row, gold, predicted in zip(
        predictions["id"], predictions["gold"].str.split(), predictions["prediction"].str.split(), strict=True
    ):
        if len(gold) != len(predicted):
            raise CodeStiltsError(
                f"predictions: row '{row}' has {len(predicted)} tags for {len(gold)} tokens: predict one tag per token"
            )
        correct.append(sum(a == b for a, b in zip(gold, predicted, strict=True)))
        total.append(len(gold))
    return ratio(predictions.index, correct, total)
