"""The primary contrast by other methods: with groups of targets as a sample of groups, and by a mixed model."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from codestilts.evaluation.statistics.crossed_t import LEAST_UNITS, ROUNDING, Estimate
from codestilts.evaluation.statistics.design import Design
from codestilts.evaluation.statistics.means import Weighted
from codestilts.evaluation.statistics.random_effects import random_mean
from codestilts.evaluation.statistics.resampling import Scores


def cell_differences(scores: Scores, design: Design, parts: Sequence[Weighted]) -> pd.DataFrame:
    """Return the contrast in each cell for each seed.

    Args:
        scores: The scores of all arms.
        design: The design of the study.
        parts: The weights of each of the contrast's parts.

    Returns:
        ``group``, ``target``, ``language``, ``seed``, ``difference`` (the mean over the parts that have the cell) and
        ``weight``, the share of the cell in the contrast.
    """
    rows = []
    for part in parts:
        side, difference = part.side, part.difference
        for number in np.unique(scores.cells[np.flatnonzero(side)]):
            here = np.flatnonzero((scores.cells == number) & ((difference != 0) | (side != 0)))
            share = float(side[here].sum())
            target, language = divmod(int(number), len(scores.languages))
            name = scores.targets[target]
            by_seed = difference[here] @ scores.by_seed[here] / share
            cell = (design.settings.targets[name].group, name, scores.languages[language])
            rows += [(*cell, seed, value, share) for seed, value in zip(scores.seeds, by_seed, strict=True)]
    table = pd.DataFrame(rows, columns=["group", "target", "language", "seed", "difference", "weight"])
    table["difference"] *= table["weight"]
    keys = ["group", "target", "language", "seed"]
    found = table.groupby(keys, as_index=False, sort=True)[["difference", "weight"]].sum()
    return found.assign(difference=found["difference"] / found["weight"], weight=found["weight"] / len(parts))


def targets_random(differences: pd.DataFrame, confidence: float) -> Estimate:
    """Return the mean over groups of targets with a t over groups, which treats them as a sample of all groups."""
    from scipy.special import stdtr, stdtrit

    weighted = differences.assign(difference=differences["difference"] * differences["weight"])
    sums = weighted.groupby(["group", "seed"])[["difference", "weight"]].sum()
    table = (sums["difference"] / sums["weight"]).unstack("seed")
    by_group, by_seed = table.mean(axis=1).to_numpy(), tuple(float(x) for x in table.mean(axis=0))
    value, groups = float(by_group.mean()), len(by_group)
    if len(by_seed) < 2:
        return _without(value, by_seed, "one seed", confidence)
    if groups < 2:
        return _without(value, by_seed, "one group of targets", confidence)
    error = float(by_group.std(ddof=1)) / np.sqrt(groups)
    if error <= ROUNDING:
        return _without(value, by_seed, "no variance between groups", confidence)
    reach = float(stdtrit(groups - 1, 0.5 + confidence / 2)) * error
    p = float(2 * stdtr(groups - 1, -abs(value) / error))
    return Estimate(
        value, value - reach, value + reach, p, by_seed, "", error, groups - 1, groups, confidence=confidence
    )


def mixed_model(differences: pd.DataFrame, confidence: float) -> Estimate:
    """Return the intercept of a mixed model of the differences per cell and seed (REML, Wald interval).

    Seeds, targets, languages and runs (a seed on a target) are random effects; all cells have the same weight.
    """
    from scipy.special import ndtr, ndtri

    by_seed = tuple(float(x) for x in differences.groupby("seed")["difference"].mean())
    factors = [[name] for name in ("seed", "target", "language") if differences[name].nunique() > 1]
    if factors == [["seed"], ["target"], ["language"]]:  # in one language, runs cannot be told from the residuals
        factors.append(["seed", "target"])
    mean = float(differences["difference"].mean())
    if len(by_seed) < 2:
        return _without(mean, by_seed, "one seed", confidence)
    if len(differences) < LEAST_UNITS:
        return _without(mean, by_seed, f"{len(differences)} values are too few: {LEAST_UNITS} or more", confidence)
    if differences["difference"].std() <= ROUNDING:
        return _without(mean, by_seed, "no variance", confidence)
    levels = [differences.groupby(names).ngroup().to_numpy() for names in factors]
    value, error = random_mean(differences["difference"].to_numpy(), levels)
    if not error > ROUNDING:
        return _without(mean, by_seed, "the mixed model has no solution", confidence)
    reach, p = float(ndtri(0.5 + confidence / 2)) * error, float(2 * ndtr(-abs(value) / error))
    return Estimate(
        value, value - reach, value + reach, p, by_seed, "", error, np.inf, len(differences), confidence=confidence
    )


def _without(value: float, by_seed: tuple[float, ...], note: str, confidence: float) -> Estimate:
    return Estimate(value, np.nan, np.nan, np.nan, by_seed, note, confidence=confidence)


METHODS: dict[str, Callable[[pd.DataFrame, float], Estimate]] = {
    "targets_random": targets_random,
    "mixed_model": mixed_model,
}
