"""Means over arms, languages, targets and groups, as weights on the scores of :mod:`resampling`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from codestilts.evaluation.statistics.crossed_t import Estimate
from codestilts.evaluation.statistics.resampling import Scores

# The numbers of languages, targets and cells over which a mean is taken, and how even their weights are.
COUNTS = ["languages", "targets", "cells", "effective_cells", "largest_weight"]
INTERVAL = ["low", "high", "p", "seeds", "by_seed", "note", "standard_error", "degrees_of_freedom", "units"]
NO_OVERLAPS: Mapping[str, Collection[str]] = MappingProxyType({})

Languages = Collection[str] | Mapping[str, Collection[str]]  # the same for all targets, or those of each target


def mean_over(scores: Scores, arms: list[str], scopes: list[list[str]], languages: Languages) -> np.ndarray:
    """Return the weights (scores) of the mean of one side; see :func:`common_means`."""
    return common_means(scores, [arms], scopes, languages)[0]


def common_means(
    scores: Scores,
    sides: Sequence[list[str]],
    scopes: list[list[str]],
    languages: Languages,
    without: Mapping[str, Collection[str]] = NO_OVERLAPS,
) -> list[np.ndarray]:
    """Return the weights (scores) of the mean of each side over the cells that all sides have.

    The mean is one of means: over languages, then over the targets of a group, then over groups. A side has a cell
    (target, language) if all of its arms have data there; a cell that one side lacks is left out of all sides before
    anything is weighted. Without any common cell all weights are zero.

    Args:
        scores: The scores of all arms.
        sides: The arms of each side.
        scopes: Lists of targets, one per group.
        languages: The languages of all targets, or of each.
        without: The targets that are left out of each arm's means.
    """
    weights = [np.zeros(len(scores.by_seed)) for _ in sides]
    rows = [[scores.arms.index(arm) for arm in arms if arm in scores.arms] for arms in sides]
    usable = [_common_cells(scores, rows, scope, languages, without) for scope in scopes]
    usable = [targets for targets in usable if targets]
    for targets in usable:
        for rows_of_sides in targets:
            for table, common in zip(weights, rows_of_sides, strict=True):
                table[common] += 1 / (len(usable) * len(targets) * common.size)
    return weights


@dataclass(frozen=True)
class Weighted:
    """A difference as weights (scores).

    Attributes:
        side: The weights of its first side, which say how much each cell counts.
        difference: The weights of the difference.
    """

    side: np.ndarray
    difference: np.ndarray


def common_difference(
    scores: Scores,
    sides: Sequence[tuple[int, Sequence[str]]],
    scopes: list[list[str]],
    languages: Languages,
    without: Mapping[str, Collection[str]] = NO_OVERLAPS,
) -> Weighted | None:
    """Return the difference of means over the cells that all sides have; None if there is no such cell.

    Args:
        scores: The scores of all arms.
        sides: The sign and the arms of each side: 1, -1, or 0 for a side that must have the cells but is not compared.
        scopes: As in :func:`common_means`.
        languages: As in :func:`common_means`.
        without: As in :func:`common_means`.
    """
    means = common_means(scores, [list(arms) for _, arms in sides], scopes, languages, without)
    plus, minus = (
        np.sum([one for one, (s, _) in zip(means, sides, strict=True) if s == sign], axis=0) for sign in (1, -1)
    )
    return Weighted(means[0], plus - minus) if means[0].any() else None


def mean_of_parts(parts: Sequence[Weighted], shares: Sequence[float] | None = None) -> Weighted:
    """Return the mean of the parts of a contrast, weighted by ``shares`` if these are given."""
    return Weighted(
        np.average([part.side for part in parts], axis=0, weights=shares),
        np.average([part.difference for part in parts], axis=0, weights=shares),
    )


def _common_cells(
    scores: Scores,
    sides: list[list[int]],
    scope: list[str],
    languages: Languages,
    without: Mapping[str, Collection[str]],
) -> list[list[np.ndarray]]:
    """For each target with a common cell, the rows of each side's scores in the common cells (arms, languages)."""
    targets = []
    for target in set(scope) & set(scores.targets):
        j = scores.targets.index(target)
        arms = [[i for i in side if target not in without.get(scores.arms[i], ())] for side in sides]
        chosen = languages.get(target, ()) if isinstance(languages, Mapping) else languages
        columns = [scores.languages.index(name) for name in chosen if name in scores.languages]
        if columns and all(arms):
            rows = [scores.rows[side, j][:, columns] for side in arms]
            common = np.logical_and.reduce([(part >= 0).all(axis=0) for part in rows])
            if common.any():
                targets.append([part[:, common] for part in rows])
    return targets


def weighted_cells(scores: Scores, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the targets and the languages, as indices, of the cells whose scores have a weight."""
    used = np.unique(scores.cells[np.flatnonzero(weights)])
    return used // len(scores.languages), used % len(scores.languages)


def count(scores: Scores, weights: np.ndarray) -> dict[str, float]:
    """Describe the cells over which a mean is taken, given the weights of one side.

    These are the numbers of languages, targets and cells (a target in a language); Kish's effective number of cells
    (1 / sum of squared shares), which falls as the weights become less even; and the largest share.
    """
    targets, languages = weighted_cells(scores, weights)
    by_cell = np.bincount(scores.cells, np.abs(weights))
    shares = by_cell / max(by_cell.sum(), np.finfo(float).tiny)
    counted = {"languages": len(set(languages)), "targets": len(set(targets)), "cells": len(targets)}
    effective = 1 / max(float(shares @ shares), np.finfo(float).tiny)
    return {**counted, "effective_cells": effective, "largest_weight": float(shares.max(initial=0.0))}


def observed(scores: Scores, weights: np.ndarray) -> float:
    """Return the weighted sum of the observed scores, in points."""
    rows = np.flatnonzero(weights)
    return float(scores.draws[rows, 0] @ weights[rows])


def estimate_columns(estimate: Estimate, name: str) -> dict[str, object]:
    """Return an estimate as columns: its value under ``name``, then those of :data:`INTERVAL`."""
    by_seed = " ".join(f"{value:.3f}" for value in estimate.by_seed)
    numbers = {name: estimate.value, "low": estimate.low, "high": estimate.high, "p": estimate.p}
    spread = {"standard_error": estimate.standard_error, "degrees_of_freedom": estimate.degrees_of_freedom}
    runs = {"seeds": estimate.seeds, "by_seed": by_seed, "note": estimate.note}
    return {**numbers, **runs, **spread, "units": estimate.units}
