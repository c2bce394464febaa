"""The paired multi-bootstrap: seeds and units of examples are resampled, with the same draws for every arm.

The method is that of Sellam et al. 2022 (the MultiBERTs, arXiv 2106.16163). Every effect of a study is a weighted sum
of cells (arm, target, language). The draws of all cells are therefore computed once, and each effect is a product with
them.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from codestilts.errors import CodeStiltsError

# With 9 degrees of freedom (10 units) Student's t stretches a 95 % interval by 15 %, with 4 by 42 %: fewer units say
# too little about other test sets.
LEAST_UNITS = 10
LEAST_TAIL = 5  # draws beyond each end of an interval: with n of them, its tail probability is known to 1 in sqrt(n)
CHUNK = 2**24  # random numbers that are in memory at a time: 128 MiB
TRIVIAL = "trivial"  # the family of the trivial baselines, which have no encoder and no seeds


@dataclass(frozen=True)
class Cells:
    """Values in points (0 to 100) of every cell, as observed and resampled; cells without data are NaN.

    ``trivial`` are the arms that are trivial baselines.
    """

    arms: list[str]
    trivial: list[str]
    targets: list[str]
    languages: list[str]
    seeds: list[int]
    draws: np.ndarray  # (1 + resamples, arms, targets, languages); row 0 is observed
    by_seed: np.ndarray  # (seeds, arms, targets, languages), observed
    units: np.ndarray  # (targets, languages), number of units
    examples: np.ndarray  # (targets, languages), number of test rows


@dataclass(frozen=True)
class Estimate:
    """A weighted sum of cells in points, its interval, and the p of the same method.

    Where the data allow no interval, ``low``, ``high`` and ``p`` are NaN and ``note`` says why.
    """

    value: float
    low: float
    high: float
    p: float
    by_seed: tuple[float, ...]
    note: str = ""

    @property
    def half_width(self) -> float:
        """Half the width of the interval, in points."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class _Piece:
    """One target in one language: ``draws`` (1 + resamples, arms), ``by_seed`` (seeds, arms)."""

    target: str
    language: str
    arms: list[str]
    trivial: list[str]
    draws: np.ndarray
    by_seed: np.ndarray
    units: int
    examples: int


def resample(
    sums: pd.DataFrame | Iterable[pd.DataFrame], resamples: int, seed: int, seeds: list[int] | None = None
) -> Cells:
    """Draw ``resamples`` times from the sums of one encoder.

    A unit (a problem, a sentence pair, a question) has one weight in a draw, in all languages, targets and arms that it
    occurs in: Exp(1), Rubin's Bayesian bootstrap, which has the mean and the variance of the usual counts but never an
    empty sample. The weights depend on ``seed`` and the unit's name alone. Of S seeds, S - 1 are drawn with replacement
    (Rao and Wu 1988), since S draws would understate the variance by (S - 1) / S. A trivial baseline has no seeds: its
    one run is used for all.

    Args:
        sums: Rows of :data:`codestilts.columns.SUM_COLUMNS` with the arms' ``family``. A series of tables, each with
            all rows of some targets, saves memory: one table at a time is read.
        resamples: The number of draws.
        seed: The seed of the draws.
        seeds: The seeds of the trained arms; needed where ``sums`` is a series of tables.

    Raises:
        CodeStiltsError: An arm lacks one of the seeds.
    """
    tables = [sums] if isinstance(sums, pd.DataFrame) else sums
    if seeds is None:
        tables = [table for table in tables if len(table)]
        every = pd.concat(tables) if len(tables) != 1 else tables[0]
        trained = every[every["family"] != TRIVIAL]
        seeds = sorted(int(number) for number in set(trained["seed"] if len(trained) else every["seed"]))
    seed_weights = _seed_weights(len(seeds), resamples, np.random.default_rng([seed, 0]))
    pieces = [
        _piece(rows, str(target), str(language), seeds, seed_weights, seed)
        for table in tables
        for (target, language), rows in table.groupby(["target", "language"], sort=True)
    ]
    arms = sorted({arm for piece in pieces for arm in piece.arms})
    trivial = sorted({arm for piece in pieces for arm in piece.trivial})
    targets, languages = (sorted({getattr(piece, key) for piece in pieces}) for key in ("target", "language"))
    shape = (len(arms), len(targets), len(languages))
    draws = np.full((1 + resamples, *shape), np.nan)
    by_seed = np.full((len(seeds), *shape), np.nan)
    units, examples = np.zeros(shape[1:], dtype=int), np.zeros(shape[1:], dtype=int)
    for piece in pieces:
        present = [arms.index(arm) for arm in piece.arms]
        j, k = targets.index(piece.target), languages.index(piece.language)
        draws[:, present, j, k], by_seed[:, present, j, k] = piece.draws, piece.by_seed
        units[j, k], examples[j, k] = piece.units, piece.examples
    return Cells(arms, trivial, targets, languages, seeds, draws, by_seed, units, examples)


def _piece(
    rows: pd.DataFrame, target: str, language: str, seeds: list[int], seed_weights: np.ndarray, seed: int
) -> _Piece:
    arms, names = sorted(set(rows["arm"])), sorted(set(rows["unit"].astype(str)))
    is_trivial = rows["family"] == TRIVIAL
    trivial = sorted(set(rows.loc[is_trivial, "arm"]))
    _check_seeds(rows[~is_trivial], seeds, f"{target}, {language}")
    coded = rows[["label", "numerator", "denominator"]].assign(
        unit=pd.Categorical(rows["unit"].astype(str), names).codes,
        arm=pd.Categorical(rows["arm"], arms).codes,
        seed=np.where(is_trivial, 0, pd.Categorical(rows["seed"], seeds).codes),
    )
    single = [arm in trivial for arm in arms]
    size = (len(names), len(arms), len(seeds))
    parts = [_dense(part, size, single) for _, part in coded.groupby("label", sort=True)]
    ratio = 100 * _mean_ratio(_unit_weights(names, len(seed_weights), seed), parts)
    ratio = ratio.reshape(len(seed_weights), *size[1:])
    examples = int(rows.groupby(["arm", "seed"])["n"].sum().max())
    drawn = np.einsum("ras,rs->ra", ratio, seed_weights)
    return _Piece(target, language, arms, trivial, drawn, ratio[0].T, len(names), examples)


def _unit_weights(names: list[str], draws: int, seed: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the weights (draws, units) of some units at a time; those of the first draw are 1."""
    step = max(1, CHUNK // draws)
    for start in range(0, len(names), step):
        chosen = slice(start, min(start + step, len(names)))
        weights = np.ones((chosen.stop - chosen.start, draws))
        for row, name in zip(weights, names[chosen], strict=True):
            key = hashlib.blake2b(f"{seed}:{name}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
            rng = np.random.Generator(np.random.Philox(key=int.from_bytes(key, "big")))
            row[1:] = rng.standard_exponential(draws - 1)
        yield chosen, weights.T


def estimate(cells: Cells, weights: np.ndarray, confidence: float = 0.95) -> Estimate | None:
    """Estimate a weighted sum of cells.

    The percentile interval is widened twice: by Student's t over the normal quantile, with Satterthwaite's degrees of
    freedom of the variances between seeds and between units, and by the share of the latter that the bootstrap misses.
    Three seeds therefore give a wide interval. ``p`` is one minus the confidence at which the interval begins to
    include zero, and at least 1 / (draws + 1).

    Args:
        cells: The cells of all arms.
        weights: Weights (arms x targets x languages).
        confidence: The confidence of the interval.

    Returns:
        The estimate, or None if a cell with a weight has no data.
    """
    i, j, k = np.nonzero(weights)
    factors = weights[i, j, k]
    draws, by_seed = cells.draws[:, i, j, k] @ factors, cells.by_seed[:, i, j, k] @ factors
    if not len(factors) or np.isnan(draws).any():
        return None
    value, resampled = float(draws[0]), np.sort(draws[1:])
    seeds = tuple(float(x) for x in by_seed)
    units = cells.units[j, k]
    if note := _no_interval(by_seed, resampled, units, confidence):
        return Estimate(value, np.nan, np.nan, np.nan, seeds, note)
    spread = _spread(by_seed, resampled, int(units.min()))
    low, high = _interval(value, resampled, spread, confidence)
    return Estimate(value, low, high, _p(value, resampled, spread), seeds)


def _no_interval(by_seed: np.ndarray, resampled: np.ndarray, units: np.ndarray, confidence: float) -> str:
    """Return why there is no interval, the reason that a user can act on first; empty if there is one."""
    tail = len(resampled) * (1 - confidence) / 2
    if len(by_seed) < 2:
        return "one seed"
    if tail < LEAST_TAIL:
        return f"{len(resampled)} resamples are too few: {int(np.ceil(2 * LEAST_TAIL / (1 - confidence)))} or more"
    if units.min() == 1:
        return "one unit" if units.max() == 1 else "a cell with one unit"
    if units.max() < LEAST_UNITS:
        return f"{units.max()} units are too few: {LEAST_UNITS} or more"
    if resampled.std() <= 1e-9:
        return "no variance: the same answers in every seed and unit"
    return ""


def _interval(
    value: float, resampled: np.ndarray, spread: tuple[float, float], confidence: float
) -> tuple[float, float]:
    """Return the widened percentiles of sorted draws."""
    from scipy.special import ndtri, stdtrit

    (freedom, wider), tail = spread, 0.5 + confidence / 2
    stretch = wider * max(1.0, float(stdtrit(freedom, tail) / ndtri(tail)))
    quantiles = np.linspace(0, 1, len(resampled))
    low, high = np.interp([1 - tail, tail], quantiles, resampled)
    return value - stretch * max(value - low, 0.0), value + stretch * max(high - value, 0.0)


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


def _seed_weights(seeds: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    drawn = max(seeds - 1, 1)
    weights = rng.multinomial(drawn, np.full(seeds, 1 / seeds), size=1 + resamples) / drawn
    weights[0] = 1 / seeds
    return weights


def _check_seeds(rows: pd.DataFrame, seeds: list[int], where: str) -> None:
    """Raise an error unless every arm of these rows has every seed."""
    present = set(rows.loc[rows["n"] > 0, ["arm", "seed"]].itertuples(index=False, name=None))
    for arm in sorted(set(rows["arm"])):
        for seed in seeds:
            if (arm, seed) not in present:
                raise CodeStiltsError(f"scores of arm '{arm}', {where}: seed {seed} is missing: predict it")


def _dense(rows: pd.DataFrame, size: tuple[int, int, int], single: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    """Return the numerators and denominators of one label as (units, arms x seeds); single runs fill every seed."""
    indices = tuple(rows[name].to_numpy() for name in ("unit", "arm", "seed"))
    numerator, denominator = np.zeros(size), np.zeros(size)
    for sums, name in ((numerator, "numerator"), (denominator, "denominator")):
        np.add.at(sums, indices, rows[name].to_numpy(dtype=float))
        sums[:, single, :] = sums[:, single, :1]
    return numerator.reshape(size[0], -1), denominator.reshape(size[0], -1)


def _mean_ratio(weights: Iterable[tuple[slice, np.ndarray]], parts: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the mean of the labels' weighted ratios of sums, of those with a denominator; 0 if none has one."""
    sums: list[np.ndarray] = []
    for units, part in weights:
        products = [part @ side[units] for pair in parts for side in pair]
        sums = [a + b for a, b in zip(sums, products, strict=True)] if sums else products
    total = count = np.zeros(())
    for numerator, denominator in zip(sums[::2], sums[1::2], strict=True):
        total = total + np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
        count = count + (denominator > 0)
    return total / np.maximum(count, 1)
