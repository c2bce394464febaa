"""Estimates: weighted sums of scores with intervals and p-values from the draws of :mod:`resampling`."""

from functools import lru_cache

import numpy as np

from codestilts.evaluation.statistics.crossed_t import ROUNDING, Estimate, no_interval, units_of_cells
from codestilts.evaluation.statistics.resampling import Scores

LEAST_TAIL = 5  # draws beyond each end of an interval; with n, the relative error of the tail is 1 / sqrt(n)
GATHERED = 256  # scores that are added up at a time


def estimate(scores: Scores, weights: np.ndarray, confidence: float = 0.95) -> Estimate | None:
    """Estimate a weighted sum of scores.

    The percentile interval is widened twice: by Student's t over the normal quantile, with Satterthwaite's degrees of
    freedom of the variances between seeds and between units, and by the share of the latter that the bootstrap misses.
    Three seeds therefore give a wide interval. ``p`` is one minus the confidence at which the interval begins to
    include zero, and at least 1 / (draws + 1).

    Args:
        scores: The scores of all arms.
        weights: The weight of each score.
        confidence: The confidence of the interval.

    Returns:
        The estimate, or None if no score has a weight.
    """
    rows = np.flatnonzero(weights)
    if not len(rows):
        return None
    assert scores.drawn[rows].all() or scores.draws.shape[1] == 1, "cells of arms that were not drawn"
    factors = weights[rows]
    draws, by_seed = _weighted(scores.draws, rows, factors), factors @ scores.by_seed[rows]
    value, resampled = float(draws[0]) if abs(draws[0]) > ROUNDING else 0.0, np.sort(draws[1:])
    seeds = tuple(float(x) for x in by_seed)
    of_cells, units = units_of_cells(scores, rows), scores.moments.units(rows)
    if note := _no_interval(by_seed, resampled, of_cells, confidence):
        return Estimate(value, np.nan, np.nan, np.nan, seeds, note, units=units)
    spread = _spread(by_seed, resampled, int(of_cells.min()))
    low, high = _interval(value, resampled, spread, confidence)
    return Estimate(value, low, high, _p(value, resampled, spread), seeds, units=units)


def _weighted(table: np.ndarray, rows: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return the weighted sum of some rows, a block of which is copied at a time."""
    blocks = range(0, len(rows), GATHERED)
    return sum((factors[i : i + GATHERED] @ table[rows[i : i + GATHERED]] for i in blocks), np.zeros(table.shape[1]))


def _no_interval(by_seed: np.ndarray, resampled: np.ndarray, units: np.ndarray, confidence: float) -> str:
    """Return why there is no interval, empty if there is one; a reason that the user can remove comes first."""
    tail, reason = len(resampled) * (1 - confidence) / 2, no_interval(len(by_seed), units)
    if len(by_seed) > 1 and tail < LEAST_TAIL:
        return f"{len(resampled)} resamples are too few: {int(np.ceil(2 * LEAST_TAIL / (1 - confidence)))} or more"
    if not reason and resampled.std() <= ROUNDING:
        return "no variance: the same answers in every seed and unit"
    return reason


def _interval(
    value: float, resampled: np.ndarray, spread: tuple[float, float], confidence: float
) -> tuple[float, float]:
    """Return the widened percentiles of sorted draws."""
    from scipy.special import ndtri, stdtrit

    (freedom, wider), tail = spread, 0.5 + confidence / 2
    stretch = wider * max(1.0, float(stdtrit(freedom, tail) / ndtri(tail)))
    low, high = np.interp([1 - tail, tail], _shares(len(resampled)), resampled).tolist()
    return value - stretch * max(value - low, 0.0), value + stretch * max(high - value, 0.0)


@lru_cache(maxsize=1)
def _shares(draws: int) -> np.ndarray:
    return np.linspace(0, 1, draws)


def _p(value: float, resampled: np.ndarray, spread: tuple[float, float]) -> float:
    from scipy.optimize import bisect

    def beyond_zero(p: float) -> float:
        low, high = _interval(value, resampled, spread, 1 - p)
        return low if value > 0 else -high

    least, most = 1 / (len(resampled) + 1), 1 - 1e-6
    if beyond_zero(least) > 0:
        return least
    return float(bisect(beyond_zero, least, most, xtol=1e-6)) if beyond_zero(most) > 0 else 1.0


def _spread(by_seed: np.ndarray, resampled: np.ndarray, units: int) -> tuple[float, float]:
    """Return Satterthwaite's degrees of freedom, and the factor by which the spread of the draws is too small.

    The variance between seeds has S - 1 degrees of freedom, the rest G - 1 for G units. The Bayesian bootstrap shows
    the share (G - 1) / (G + 1) of the latter (Rubin 1981).
    """
    total, seeds = float(resampled.var()), len(by_seed)
    between = min(float(by_seed.var(ddof=1)) / seeds, total)
    rest = (total - between) * (units + 1) / (units - 1)
    freedom = (between + rest) ** 2 / (between**2 / (seeds - 1) + rest**2 / (units - 1))
    return freedom, float(np.sqrt((between + rest) / total))
