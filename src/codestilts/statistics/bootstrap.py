"""The paired multi-bootstrap: seeds and clusters of examples are resampled, with the same draws for every
arm.

After Sellam et al. 2022 (the MultiBERTs, arXiv 2106.16163). Every effect of the study is a weighted sum of
cells (arm, target, language), so the draws of all cells are computed once, and any effect is one product with
them.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.statistics.signflip import sign_flip_p


@dataclass(frozen=True)
class Cells:
    """Values in points (0 to 100) of every cell, as observed and resampled; cells without data are NaN."""

    arms: list[str]
    targets: list[str]
    languages: list[str]
    seeds: list[int]
    draws: np.ndarray  # (1 + resamples, arms, targets, languages); row 0 is what was observed
    by_seed: np.ndarray  # (seeds, arms, targets, languages), observed
    clusters: np.ndarray  # (targets, languages), number of clusters
    examples: np.ndarray  # (targets, languages), number of test rows


@dataclass(frozen=True)
class Estimate:
    """A weighted sum of cells in points, its interval, and the exact sign-flip p over seeds."""

    value: float
    low: float
    high: float
    p: float
    by_seed: tuple[float, ...]

    @property
    def half_width(self) -> float:
        """Half the width of the interval, in points."""
        return (self.high - self.low) / 2


def resample(sums: pd.DataFrame, resamples: int, seed: int) -> Cells:
    """Draw ``resamples`` times from the cluster sums of one encoder (columns of ``scoring.cluster_sums``).

    Clusters get Exp(1) weights (Rubin's Bayesian bootstrap): mean and variance of the usual counts, but never
    an empty sample. A cluster has one weight per draw, whichever targets and arms it serves. Of S seeds, S -
    1 are drawn with replacement (Rao and Wu 1988), since S draws would understate the variance by (S - 1) /
    S. An arm whose name starts with ``baseline:`` has no seeds: its one run stands for all.
    """
    arms, targets = sorted(set(sums["arm"])), sorted(set(sums["target"]))
    languages = sorted(set(sums["language"]))
    trained = sums[~sums["arm"].str.startswith("baseline:")]
    seeds = sorted(int(s) for s in set(trained["seed"] if len(trained) else sums["seed"]))
    seed_weights = _seed_weights(len(seeds), resamples, np.random.default_rng([seed, 0]))
    shape = (len(arms), len(targets), len(languages))
    draws = np.full((1 + resamples, *shape), np.nan)
    by_seed = np.full((len(seeds), *shape), np.nan)
    clusters, examples = np.zeros(shape[1:], dtype=int), np.zeros(shape[1:], dtype=int)
    coded = _coded(sums, arms, targets, languages, seeds)
    for k, language in enumerate(languages):
        here = coded[coded["language"] == k]
        known, cluster = np.unique(here["cluster"].to_numpy(dtype=str), return_inverse=True)
        rng = np.random.default_rng([seed, 1, *language.encode()])
        weights = rng.exponential(size=(1 + resamples, len(known)))
        weights[0] = 1.0
        for j, target in enumerate(targets):
            mine = (here["target"] == j).to_numpy()
            if not mine.any():
                continue
            used, place = np.unique(cluster[mine], return_inverse=True)
            rows = here[mine].assign(cluster=place)
            present = sorted(set(rows["arm"]))
            _complete(rows, arms, seeds, f"{target}, {language}")
            size = (len(used), len(present), len(seeds))
            parts = [_dense(own.assign(arm=np.searchsorted(present, own["arm"])), size, arms, present)
                     for _, own in rows.groupby("label", sort=True)]  # fmt: skip
            ratio = 100 * _mean_ratio(weights[:, used], parts).reshape(1 + resamples, len(present), len(seeds))
            by_seed[:, present, j, k] = ratio[0].T
            draws[:, present, j, k] = np.einsum("ras,rs->ra", ratio, seed_weights)
            clusters[j, k] = len(used)
            examples[j, k] = rows.groupby(["arm", "seed"])["n"].sum().max()
    return Cells(arms, targets, languages, seeds, draws, by_seed, clusters, examples)


def estimate(cells: Cells, weights: np.ndarray, confidence: float = 0.95) -> Estimate | None:
    """The weighted sum of cells (``weights``: arms x targets x languages), or None where a needed cell has no
    data.

    The percentile interval is stretched by Student's t over the normal quantile, with Satterthwaite's degrees
    of freedom from the variance between seeds and the variance between clusters: three seeds give a wide,
    honest interval.
    """
    i, j, k = np.nonzero(weights)
    factors = weights[i, j, k]
    draws, by_seed = cells.draws[:, i, j, k] @ factors, cells.by_seed[:, i, j, k] @ factors
    if not len(factors) or np.isnan(draws).any():
        return None
    value, resampled = float(draws[0]), draws[1:]
    stretch = _stretch(by_seed, resampled, int(cells.clusters[j, k].min()), confidence)
    low, high = np.percentile(resampled, [50 * (1 - confidence), 50 * (1 + confidence)])
    return Estimate(
        value,
        value - stretch * max(value - float(low), 0.0),
        value + stretch * max(float(high) - value, 0.0),
        sign_flip_p(by_seed),
        tuple(float(x) for x in by_seed),
    )


def _stretch(by_seed: np.ndarray, resampled: np.ndarray, clusters: int, confidence: float) -> float:
    from scipy.special import ndtri, stdtrit

    total = float(resampled.var())
    seeds = len(by_seed)
    if total <= 1e-18:
        return 1.0
    between = min(float(by_seed.var(ddof=1)) / seeds, total) if seeds > 1 else 0.0
    spread = between**2 / max(seeds - 1, 1) + (total - between) ** 2 / max(clusters - 1, 1)
    tail = 0.5 + confidence / 2
    return max(1.0, float(stdtrit(total**2 / spread, tail) / ndtri(tail)))


def _seed_weights(seeds: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    drawn = max(seeds - 1, 1)
    weights = rng.multinomial(drawn, np.full(seeds, 1 / seeds), size=1 + resamples) / drawn
    weights[0] = 1 / seeds
    return weights


def _coded(
    sums: pd.DataFrame, arms: list[str], targets: list[str], languages: list[str], seeds: list[int]
) -> pd.DataFrame:
    """The sums with arms, targets, languages and seeds as their positions (a baseline's seed as the first)."""
    coded = sums[["cluster", "label", "numerator", "denominator", "n"]].copy()
    for name, names in (("arm", arms), ("target", targets), ("language", languages), ("seed", seeds)):
        coded[name] = sums[name].map({value: i for i, value in enumerate(names)}).to_numpy()
    is_baseline = sums["arm"].str.startswith("baseline:").to_numpy()
    coded["seed"] = coded["seed"].mask(is_baseline, 0).astype(int)
    return coded


def _complete(rows: pd.DataFrame, arms: list[str], seeds: list[int], where: str) -> None:
    """Every arm has every seed, but for baselines, which have one run."""
    found = set(rows.loc[rows["n"] > 0, ["arm", "seed"]].itertuples(index=False, name=None))
    for arm in sorted(set(rows["arm"])):
        for seed in range(1 if arms[arm].startswith("baseline:") else len(seeds)):
            if (arm, seed) not in found:
                raise CodeStiltsError(f"scores of arm '{arms[arm]}', {where}: seed {seeds[seed]} is missing")


def _dense(
    rows: pd.DataFrame, size: tuple[int, int, int], arms: list[str], present: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Numerators and denominators of one label as (clusters, arms x seeds); a baseline's one run is put in every
    seed.
    """
    place = tuple(rows[name].to_numpy() for name in ("cluster", "arm", "seed"))
    out = np.zeros((2, *size))
    for kind, name in enumerate(["numerator", "denominator"]):
        np.add.at(out[kind], place, rows[name].to_numpy(dtype=float))
    for i, arm in enumerate(present):
        if arms[arm].startswith("baseline:"):
            out[:, :, i, :] = out[:, :, i, :1]
    return out[0].reshape(size[0], -1), out[1].reshape(size[0], -1)


def _mean_ratio(weights: np.ndarray, parts: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """The mean over labels of weighted ratios of sums, of those labels that have a denominator; 0 where none has."""
    total = count = np.zeros(())
    for numerator, denominator in parts:
        over, under = weights @ numerator, weights @ denominator
        total = total + np.divide(over, under, out=np.zeros_like(over), where=under > 0)
        count = count + (under > 0)
    return total / np.maximum(count, 1)
