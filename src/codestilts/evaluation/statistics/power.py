"""Power and detectable differences of a study, and the seeds and test rows that would decide it."""

from collections.abc import Callable

import numpy as np

from codestilts.evaluation.statistics.crossed_t import Estimate, Variance

POWER = 0.8
MOST = 10_000  # seeds, or tenths of the present test rows: larger numbers are not named
SHOWN = (3, 5, 10, 20)  # the numbers of seeds for which power is reported


def with_seeds(variance: Variance, seeds: float) -> Variance:
    """Return the expected parts of the variance with another number of seeds."""
    factor = variance.seeds / seeds
    units = max(variance.of_units - variance.of_both * (1 - factor), variance.of_units * min(factor, 1.0))
    return Variance(int(seeds), variance.units, variance.of_seeds * factor, units, variance.of_both * factor)


def with_rows(variance: Variance, factor: float) -> Variance:
    """Return the expected parts of the variance with ``factor`` times the units and test rows."""
    both = variance.of_both / factor
    seeds = max(variance.of_seeds - variance.of_both, 0.0) + both
    return Variance(variance.seeds, int(variance.units * factor), seeds, variance.of_units / factor, both)


def half_width(variance: Variance, confidence: float) -> float:
    """Return half the width of the interval with such a variance."""
    from scipy.special import stdtrit

    return float(stdtrit(variance.degrees_of_freedom, 0.5 + confidence / 2) * np.sqrt(variance.total))


def detectable(estimate: Estimate) -> float:
    """Return the smallest true difference in points that is found with the power :data:`POWER`; NaN without a variance.

    It is ``(t[1 - alpha / 2] + t[POWER]) * standard error``.
    """
    from scipy.special import stdtrit

    if not (variance := estimate.variance):
        return np.nan
    beyond = float(stdtrit(variance.degrees_of_freedom, POWER)) * float(np.sqrt(variance.total))
    return half_width(variance, estimate.confidence) + beyond


def power_at(estimate: Estimate, difference: float, seeds: int) -> float:
    """Return the power to find a true difference with a number of seeds; NaN without a variance.

    The statistic has a noncentral t distribution: the power is its part beyond both critical values.
    """
    from scipy.special import nctdtr

    if not estimate.variance or seeds < 2:
        return np.nan
    variance = with_seeds(estimate.variance, seeds)
    freedom, error = variance.degrees_of_freedom, float(np.sqrt(variance.total))
    critical, shift = half_width(variance, estimate.confidence) / error, abs(difference) / error
    wrong_sign = np.nan_to_num(nctdtr(freedom, shift, -critical))  # scipy has NaN for some that are zero to 15 digits
    return float(1 - nctdtr(freedom, shift, critical) + wrong_sign)


def power_by_seeds(estimate: Estimate, difference: float) -> str:
    """Return the power to find a true difference by number of seeds, as text: ``3: .25, 5: .41``."""
    if not estimate.variance or difference <= 0:
        return ""
    return ", ".join(f"{seeds}: {power_at(estimate, difference, seeds):.2f}" for seeds in SHOWN)


def narrow_enough(estimate: Estimate, margin: float) -> float:
    """Return the half-width below which the interval decides, if the difference does not change.

    An interval decides where it excludes zero, or where it lies within the margin.
    """
    return max(abs(estimate.value), margin - abs(estimate.value))


def needed_seeds(estimate: Estimate, half: float) -> int | None:
    """Return the number of seeds with which the half-width is below ``half``; None if no number is enough."""
    if not (variance := estimate.variance):
        return None
    return _least(lambda seeds: half_width(with_seeds(variance, seeds), estimate.confidence) < half, variance.seeds)


def needed_rows(estimate: Estimate, half: float) -> float | None:
    """Return the multiple of the test rows with which the half-width is below ``half``; None if none is enough."""
    if not (variance := estimate.variance):
        return None
    tenths = _least(lambda n: half_width(with_rows(variance, n / 10), estimate.confidence) < half, 10)
    return None if tenths is None else tenths / 10


def _least(enough: Callable[[int], bool], start: int) -> int | None:
    """Return the least number from ``start`` on that is enough; every larger number must be enough as well."""
    low, high = start, start
    while not enough(high):
        low, high = high + 1, 2 * high
        if high > MOST:
            return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return high


def to_decide(estimate: Estimate, margin: float) -> str:
    """Return in words what would make the interval decide, if the difference does not change."""
    if not estimate.variance:
        return ""
    half = narrow_enough(estimate, margin)
    seeds, rows = needed_seeds(estimate, half), needed_rows(estimate, half)
    found = [f"{seeds} seeds"] if seeds else []
    found += [f"{rows:g} times the test rows"] if rows else []
    return " or ".join(found) or "both more seeds and more test rows"
