"""Crossed t: the interval and the p of a weighted sum of scores, with both seeds and units random.

A contrast is a weighted sum of scores; a score is the value of one arm in one cell (a target in a language). Its
variance has three parts: V_S between seeds, V_C between units of their means over seeds, and V_I of what is left, their
interaction. Each of the first two contains the third, so the variance is V_S + V_C - V_I (Owen 2007, Annals of Applied
Statistics 1(2), for crossed samples; Owen and Eckles 2012 for bootstraps). Degrees of freedom are Satterthwaite's
(1946). The influences of a unit are added over all languages, targets and arms in which it occurs before they are
squared.
"""

from dataclasses import dataclass

import numpy as np

from codestilts.evaluation.statistics.resampling import Scores

# Student's t widens a 95 % interval by 15 % with 9 degrees of freedom (10 units), and by 42 % with 4: fewer units say
# too little about other test sets.
LEAST_UNITS = 10
TIE = 1e-9  # relative difference of variances that are equal but for rounding
ROUNDING = 1e-9  # points: smaller values are rounding errors, whose sign is meaningless


@dataclass(frozen=True)
class Variance:
    """The parts of a contrast's variance with ``seeds`` seeds and ``units`` units, in squared points."""

    seeds: int
    units: int
    of_seeds: float  # V_S
    of_units: float  # V_C
    of_both: float  # V_I

    @property
    def units_alone(self) -> bool:
        """Whether seeds are not seen to vary. Few discrete scores often tie, and rounding must not decide then."""
        return self.of_seeds <= self.of_both * (1 + TIE)

    @property
    def total(self) -> float:
        """The variance of the contrast."""
        if self.units_alone:
            return self.of_units
        return max(self.of_seeds + self.of_units - self.of_both, self.of_seeds, self.of_units)

    @property
    def degrees_of_freedom(self) -> float:
        """Satterthwaite's degrees of freedom of :attr:`total`, at least those of the seeds."""
        if self.units_alone:
            return self.units - 1
        s, g = self.seeds - 1, self.units - 1
        uncertainty = self.of_seeds**2 / s + self.of_units**2 / g + self.of_both**2 / (s * g)
        return max(self.total**2 / uncertainty, s)


@dataclass(frozen=True)
class Estimate:
    """A weighted sum of scores in points, its interval, and the p of the same method.

    If the data allow no interval, the numbers after ``value`` are NaN and ``note`` says why. ``variance`` has the three
    components (:class:`Variance`); it is None for methods other than crossed t.
    """

    value: float
    low: float
    high: float
    p: float
    by_seed: tuple[float, ...]
    note: str = ""
    standard_error: float = np.nan
    degrees_of_freedom: float = np.nan
    units: int = 0
    variance: Variance | None = None
    confidence: float = 0.95

    @property
    def seeds(self) -> int:
        """The number of seeds."""
        return len(self.by_seed)


def estimate(scores: Scores, weights: np.ndarray, confidence: float = 0.95) -> Estimate | None:
    """Estimate a weighted sum of scores.

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
    by_seed = weights[rows] @ scores.by_seed[rows]
    note = no_interval(len(by_seed), units_of_cells(scores, rows))
    return from_variance(by_seed, variance_of(scores, weights, by_seed), confidence, note)


def units_of_cells(scores: Scores, rows: np.ndarray) -> np.ndarray:
    """Return for each of some scores the number of units of its cell that count in one of them."""
    cells = scores.cells[rows]
    sizes = scores.units.ravel()[cells]
    for cell in scores.moments.partial & set(cells.tolist()):
        sizes[cells == cell] = scores.moments.units(rows[cells == cell])
    return sizes


def variance_of(scores: Scores, weights: np.ndarray, by_seed: np.ndarray) -> Variance:
    """Return the parts of the variance of a weighted sum of scores; they are NaN with one seed or one unit.

    Args:
        scores: The scores of all arms.
        weights: The weight of each score.
        by_seed: The sum with each seed.
    """
    rows, moments = np.flatnonzero(weights), scores.moments
    seeds, units = len(by_seed), moments.units(rows)
    if seeds < 2 or units < 2:
        return Variance(seeds, units, np.nan, np.nan, np.nan)
    means, runs = (float(weights[rows] @ (table[rows] @ weights)) for table in (moments.of_means, moments.of_runs))
    larger, rest = units / (units - 1), max(runs - seeds * means, 0.0)
    of_seeds = float(by_seed.var(ddof=1)) / seeds
    return Variance(seeds, units, of_seeds, larger * means, larger * rest / (seeds * (seeds - 1)))


def no_interval(seeds: int, sizes: np.ndarray) -> str:
    """Return why there is no interval, empty if there can be one; a reason that the user can remove comes first.

    Args:
        seeds: The number of seeds.
        sizes: The number of units of each cell.
    """
    if seeds < 2:
        return "one seed"
    if sizes.min() == 1:
        return "one unit" if sizes.max() == 1 else "a cell with one unit"
    if sizes.max() < LEAST_UNITS:
        return f"{sizes.max()} units are too few: {LEAST_UNITS} or more"
    return ""


def from_variance(by_seed: np.ndarray, variance: Variance, confidence: float = 0.95, note: str = "") -> Estimate:
    """Return the estimate of a contrast from its value with each seed and the parts of its variance.

    Args:
        by_seed: The contrast with each seed.
        variance: The parts of its variance.
        confidence: The confidence of the interval.
        note: Why there is no interval, if there is none.
    """
    from scipy.special import stdtr, stdtrit

    value = float(by_seed.mean()) if abs(by_seed.mean()) > ROUNDING else 0.0
    seeds = tuple(float(x) for x in by_seed)
    if not note and variance.units < 2:
        note = "one unit counts"  # in mining, most units are neither pairs nor mined, and have no sums
    if not note and variance.total <= ROUNDING**2:
        note = "no variance: the same answers in every seed and unit"
    if note:
        return Estimate(value, np.nan, np.nan, np.nan, seeds, note, units=variance.units, confidence=confidence)
    error, freedom = float(np.sqrt(variance.total)), variance.degrees_of_freedom
    reach = float(stdtrit(freedom, 0.5 + confidence / 2)) * error
    p = float(2 * stdtr(freedom, -abs(value) / error))
    return Estimate(
        value, value - reach, value + reach, p, seeds, "", error, freedom, variance.units, variance, confidence
    )
