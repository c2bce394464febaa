"""The draws of the paired multi-bootstrap: seeds and units of examples, with the same draws for every arm.

The method is that of Sellam et al. 2022 (the MultiBERTs, arXiv 2106.16163). Every effect of a study is a weighted sum
of scores; a score is the value of an arm in a cell (a target in a language). The draws of all scores are therefore
computed once, and each effect is a product with them (:mod:`codestilts.evaluation.statistics.bootstrap`).
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.evaluation.statistics.moments import Accumulator, Key, Moments, influences, positions
from codestilts.evaluation.statistics.runs import TRIVIAL, check_seeds, count_runs, trained_seeds

CHUNK = 2**23  # weights of units that are in memory at a time: 64 MiB
KEPT = 2**25  # weights of a macro average's units, which are drawn once for all labels: 256 MiB
SPARSE = 0.05  # the share of non-zero sums below which a sparse product is faster than a dense one

Matrix = Any  # scipy.sparse.csr_array, which is imported late


@dataclass(frozen=True)
class Scores:
    """The scores of all arms in all cells that have data, in points (0 to 100), as observed and resampled.

    ``trivial`` are the arms that are trivial baselines.
    """

    arms: list[str]
    trivial: list[str]
    targets: list[str]
    languages: list[str]
    seeds: list[int]
    rows: np.ndarray  # (arms, targets, languages): the row of a score in ``draws`` and ``by_seed``, -1 without data
    cells: np.ndarray  # (scores): target * number of languages + language
    draws: np.ndarray  # (scores, 1 + resamples); column 0 is observed
    by_seed: np.ndarray  # (scores, seeds), observed
    drawn: np.ndarray  # (scores): whether ``draws`` has more than the observed value
    units: np.ndarray  # (targets, languages), number of units
    examples: np.ndarray  # (targets, languages), number of test rows
    moments: Moments  # of the units' influences


def resample(
    sums: pd.DataFrame | Iterable[tuple[Key, pd.DataFrame]],
    resamples: int,
    seed: int,
    runs: pd.DataFrame | None = None,
    together: Sequence[Collection[Key]] | None = None,
    drawn: Collection[str] | None = None,
) -> Scores:
    """Read the sums of one encoder, and draw ``resamples`` times from them.

    A unit (a problem, a sentence pair, a question) has one weight in a draw, in all languages, targets and arms in
    which it occurs. Weights are Exp(1) (Rubin's Bayesian bootstrap): they have the mean and the variance of the usual
    counts, but no sample is ever empty. The weights depend on ``seed`` and the unit's name alone. Of S seeds, S - 1 are
    drawn with replacement (Rao and Wu 1988), because S draws would understate the variance by (S - 1) / S. A trivial
    baseline has no seeds: its only run is used for all.

    Args:
        sums: Rows of :data:`codestilts.columns.SUM_COLUMNS` with the arms' ``family``; or, to keep one cell in memory
            at a time, pairs of a cell (target, language) and its rows, in which rows with zero sums may be missing.
        resamples: The number of draws.
        seed: The seed of the draws.
        runs: The table of :func:`count_runs`; required if ``sums`` is a series of tables.
        together: The cells in lists without common units
            (:func:`codestilts.evaluation.statistics.moments.components`), in the order of ``sums``; influences are kept
            in memory until the last cell of a list is read. By default all cells are in one list.
        drawn: The arms whose scores are resampled; by default all.

    Raises:
        CodeStiltsError: An arm lacks one of the seeds, or a score is not a number.
    """
    if isinstance(sums, pd.DataFrame):
        runs = count_runs(sums)
        groups = sums.groupby(["target", "language"], sort=True, observed=True)
        sums = (((str(target), str(language)), rows) for (target, language), rows in groups)
    assert runs is not None
    seeds = trained_seeds(runs)
    check_seeds(runs, seeds)
    seed_weights = _seed_weights(len(seeds), resamples, np.random.default_rng([seed, 0])).T
    scores = _empty_scores(runs, seeds, 1 + resamples)
    added = Accumulator(len(scores.by_seed), len(seeds), [set(keys) for keys in together or ()])
    for (target, language), table in sums:
        j, k = scores.targets.index(str(target)), scores.languages.index(str(language))
        rows = {name: int(row) for name, row in zip(scores.arms, scores.rows[:, j, k], strict=True) if row >= 0}
        values, found = influences(table, rows, scores.trivial, seeds, j * len(scores.languages) + k)
        if np.isnan(values).any():
            raise CodeStiltsError(f"scores of {target}, {language}: one is not a number: predict and score again")
        added.read((target, language), found)
        scores.by_seed[found.rows], scores.draws[found.rows, 0] = values, values.mean(axis=1)
        scores.units[j, k] = max(len(found.units), scores.units[j, k])
        chosen = {name: row for name, row in rows.items() if resamples and (drawn is None or name in drawn)}
        if chosen:
            part = table if drawn is None else table[table["arm"].isin(list(chosen))]
            part = part.assign(arm=part["arm"].astype("category").cat.remove_unused_categories())
            _draw(scores, part, chosen, seed, seed_weights)
    return replace(scores, moments=added.moments())


def _draw(scores: Scores, table: pd.DataFrame, rows: dict[str, int], seed: int, seed_weights: np.ndarray) -> None:
    """Fill in the draws of some arms (``rows``: the rows of their scores) in one cell."""
    runs_of_arms = {name: 1 if name in scores.trivial else len(scores.seeds) for name in rows}
    draws = _values(table, runs_of_arms, scores.seeds, scores.draws.shape[1], seed)
    for (arm, width), end in zip(runs_of_arms.items(), np.cumsum([*runs_of_arms.values()]), strict=True):
        of_arm = draws[end - width : end]
        scores.draws[rows[arm]] = of_arm[0] if arm in scores.trivial else np.einsum("sr,sr->r", of_arm, seed_weights)
        scores.drawn[rows[arm]] = True


def _empty_scores(runs: pd.DataFrame, seeds: list[int], draws: int) -> Scores:
    """Return the scores that these runs have, all of them zero."""
    axes = [sorted({str(name) for name in runs[key].unique()}) for key in ("arm", "target", "language")]
    codes = [positions(runs[key], axis) for key, axis in zip(("arm", "target", "language"), axes, strict=True)]
    there = np.zeros([len(axis) for axis in axes], dtype=bool)
    there[tuple(codes)] = True
    rows = np.where(there, np.cumsum(there).reshape(there.shape) - 1, -1)
    units, examples = np.zeros(there.shape[1:], dtype=int), np.zeros(there.shape[1:], dtype=int)
    np.maximum.at(units, tuple(codes[1:]), runs["units"].to_numpy())
    np.maximum.at(examples, tuple(codes[1:]), runs["n"].to_numpy())
    trivial = sorted({str(name) for name in runs.loc[runs["family"] == TRIVIAL, "arm"].unique()})
    values = np.zeros((int(there.sum()), draws)), np.zeros((int(there.sum()), len(seeds)))
    cells = np.nonzero(there.reshape(len(there), -1))[1]
    moments = Accumulator(len(cells), len(seeds), []).moments()
    drawn = np.zeros(len(cells), dtype=bool)
    return Scores(axes[0], trivial, axes[1], axes[2], seeds, rows, cells, *values, drawn, units, examples, moments)


def _values(table: pd.DataFrame, runs_of_arms: dict[str, int], seeds: list[int], draws: int, seed: int) -> np.ndarray:
    """Return the scores of the runs in one cell, in points (runs, draws)."""
    arms, widths = list(runs_of_arms), np.array([*runs_of_arms.values()])
    names, unit = _sorted_codes(table["unit"])
    arm = positions(table["arm"], arms)
    run = (np.cumsum(widths) - widths)[arm] + np.where(widths[arm] > 1, positions(table["seed"], seeds), 0)
    _, label = _sorted_codes(table["label"])
    sums = [table[side].to_numpy(dtype=float) for side in ("numerator", "denominator")]
    shape = (len(names), int(widths.sum()))
    order = np.argsort(label, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(label[order])) + 1) if len(order) else []
    labels = [[_matrix(side[part], unit[part], run[part], shape) for side in sums] for part in parts]
    few = len(names) * draws <= KEPT and len(labels) > 1
    kept = list(_unit_weights(names, draws, seed)) if few else []  # drawn once for all labels

    def blocks() -> Iterable[tuple[slice, np.ndarray]]:
        return kept if few else _unit_weights(names, draws, seed)

    values = _mean_ratio(labels, blocks, (shape[1], draws))
    values *= 100
    return values


def _sorted_codes(column: pd.Series) -> tuple[list[str], np.ndarray]:
    """Return the distinct texts of a column, sorted, and which of them each row has."""
    values = column.astype("category").cat.remove_unused_categories().cat
    names = [str(name) for name in values.categories]
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names), dtype=np.int64)
    rank[order] = np.arange(len(names))
    return [names[i] for i in order], rank[values.codes.to_numpy()]


def _matrix(sums: np.ndarray, unit: np.ndarray, run: np.ndarray, shape: tuple[int, int]) -> Matrix:
    """Return sums as a sparse matrix (units, runs), of one column if all runs have the same sums in every unit."""
    from scipy.sparse import csr_array

    matrix = csr_array((sums, (unit, run)), shape=shape)
    if matrix.nnz == shape[0] * shape[1]:
        columns = matrix.data.reshape(shape)
        if (columns == columns[:, :1]).all():
            return csr_array(columns[:, :1])
    matrix.eliminate_zeros()
    return matrix


def _unit_weights(names: list[str], draws: int, seed: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the weights (units, draws) of some units at a time; those of the first draw are 1."""
    step = max(1, CHUNK // draws)
    for start in range(0, len(names), step):
        chosen = slice(start, min(start + step, len(names)))
        weights = np.ones((chosen.stop - chosen.start, draws))
        for row, name in zip(weights, names[chosen], strict=True):
            key = hashlib.blake2b(f"{seed}:{name}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
            rng = np.random.Generator(np.random.Philox(key=int.from_bytes(key, "big")))
            rng.standard_exponential(out=row[1:])
        yield chosen, weights


def _mean_ratio(
    labels: list[list[Matrix]], blocks: Callable[[], Iterable[tuple[slice, np.ndarray]]], shape: tuple[int, int]
) -> np.ndarray:
    """Return the mean of the weighted ratios of sums over the labels that have a denominator (runs, draws).

    It is 0 if no label has one.
    """
    total, count = np.zeros(shape), np.zeros((1, shape[1]))
    for sides in labels:
        numerator, denominator = sums = [np.zeros((side.shape[1], shape[1])) for side in sides]
        for units, weights in blocks():
            for side, weighted in zip(sides, sums, strict=True):
                weighted += _product(side[units], weights)
        there = denominator > 0
        total += np.divide(numerator, denominator, out=np.zeros(shape), where=there)
        count = count + there
    total /= np.maximum(count, 1, out=count)
    return total


def _product(sums: Matrix, weights: np.ndarray) -> np.ndarray:
    """Return the sums (units, runs) weighted in each draw: (runs, draws)."""
    if sums.nnz < SPARSE * sums.shape[0] * sums.shape[1]:
        return sums.T @ weights
    used = np.flatnonzero(np.diff(sums.indptr))
    return sums.toarray().T @ weights if len(used) == len(weights) else sums[used].toarray().T @ weights[used]


def _seed_weights(seeds: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    drawn = max(seeds - 1, 1)
    weights = rng.multinomial(drawn, np.full(seeds, 1 / seeds), size=1 + resamples) / drawn
    weights[0] = 1 / seeds
    return weights
