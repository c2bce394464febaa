"""Corrections for several tests: Holm, Benjamini-Hochberg, and the number of cases in which a difference is shown."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

Numbers = Sequence[float] | np.ndarray


def holm(p: Numbers) -> np.ndarray:
    """Return p values adjusted by Holm (1979); missing values stay missing."""
    return _adjusted(p, "holm")


def benjamini_hochberg(p: Numbers) -> np.ndarray:
    """Return p values adjusted by Benjamini and Hochberg (1995); missing values stay missing."""
    return _adjusted(p, "fdr_bh")


def corrected_within(table: pd.DataFrame, keys: list[str]) -> pd.Series:
    """Return the column ``p`` corrected by Benjamini and Hochberg within groups of rows.

    Rows that ask the same question (:func:`tests_of`) count once and get the same value.
    """
    found = pd.Series(np.nan, table.index)
    for _, part in table.groupby(keys):
        test = tests_of(part)
        first = part["p"].to_numpy(dtype=float)[test.drop_duplicates().index]
        found[part.index] = benjamini_hochberg(first)[test]
    return found


def tests_of(table: pd.DataFrame) -> pd.Series:
    """Return the number of each row's test, from 0: rows with the same interval and p ask the same question.

    The mean of a family that has one arm is that arm, and a contrast may have no near cell to leave out.
    """
    answers = table[["low", "high", "p"]].astype(float).round(9).reset_index(drop=True)
    return answers.groupby(["low", "high", "p"], sort=False, dropna=False).ngroup()


def _adjusted(p: Numbers, method: str) -> np.ndarray:
    from statsmodels.stats.multitest import multipletests

    values = np.array(p, dtype=float)
    known = ~np.isnan(values)
    if known.any():
        values[known] = multipletests(values[known], method=method)[1]
    return values


def partial_conjunction(p: Sequence[float], alpha: float) -> int:
    """Return the largest u for which "at least u of n null hypotheses are false" is shown.

    The p of that statement is ``(n - u + 1) * p_(u)`` with the u-th smallest p (Dror et al. 2017, TACL 5, for any
    dependence); u grows as long as each of these is at most ``alpha``.
    """
    ordered = np.sort(np.asarray(p, dtype=float))
    passed = (len(ordered) - np.arange(len(ordered))) * ordered <= alpha
    return len(ordered) if passed.all() else int(np.argmin(passed))


def one_sided(p: float, difference: float, above: bool = True) -> float:
    """Return the p against "not above zero" (or "not below zero") from a two-sided p."""
    return p / 2 if (difference > 0) == above else 1 - p / 2
