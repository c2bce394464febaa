"""Second moments of scores over units and seeds, from which the variance of any weighted sum of scores follows.

A score is a ratio of sums, or the mean of such ratios over labels. The influence of a unit on it is, to first
order, the unit's residual ``100 (numerator - ratio * denominator) / all denominators``, averaged over labels. Variances
of contrasts depend on influences only through their products summed over units. Only these are kept: two
matrices over scores, in which only pairs of scores with common units have an entry.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

CHUNK = 2**22  # influences that are in memory as a dense array at a time: 32 MiB
ARMS_AT_ONCE = 8  # whose influences are computed at a time: a cell of a large target has millions of rows

Key = tuple[str, str]  # target and language
Matrix = Any  # scipy.sparse.csr_array, which is imported late


@dataclass(frozen=True)
class Influences:
    """The influence of each unit on each run of one target in one language, in points.

    ``values`` has one row per unit and ``seeds`` columns per arm; a trivial baseline has its only run in the first of
    its columns. ``rows`` are the arms' scores and ``cell`` is the number of the target and language. ``counts`` (units,
    arms) says which units count in which arm; None if all do.
    """

    cell: int
    rows: np.ndarray
    trivial: np.ndarray
    units: np.ndarray
    values: Matrix
    counts: np.ndarray | None = None

    def dense(self, units: np.ndarray, seeds: int) -> np.ndarray:
        """Return the influences of some units: (units, arms, seeds)."""
        found = self.values[units].toarray().reshape(len(units), len(self.rows), seeds)
        found[:, self.trivial] = found[:, self.trivial, :1]
        return found


@dataclass(frozen=True)
class Moments:
    """Products of influences summed over units.

    ``of_means`` are those of the means over seeds, ``of_runs`` those of single runs, summed over seeds; both are sparse
    (scores, scores). ``members`` (patterns, scores) has the scores of each pattern, ``counts`` the number of units that
    count in exactly these scores. In the cells ``partial`` not all units count in all arms.
    """

    of_means: Matrix
    of_runs: Matrix
    members: Matrix
    counts: np.ndarray
    partial: frozenset[int]

    def units(self, rows: np.ndarray) -> int:
        """Return the number of different units that count in some scores."""
        used = np.zeros(self.members.shape[1])
        used[rows] = 1
        return int(self.counts[self.members @ used > 0].sum())


def ratios(table: pd.DataFrame, run: np.ndarray, runs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the value of each run and the influence of each row on its run, in points.

    Args:
        table: Rows with ``label``, ``numerator`` and ``denominator``.
        run: The run of each row.
        runs: The number of runs.
    """
    label = table["label"].astype("category").cat.codes.to_numpy().astype(np.int64)
    part, size = label * runs + run, (int(label.max(initial=0)) + 1) * runs
    above, below = (table[side].to_numpy(dtype=float) for side in ("numerator", "denominator"))
    tops, bases = (np.bincount(part, side, size) for side in (above, below))
    there = bases > 0
    ratio = np.divide(tops, bases, out=np.zeros(size), where=there)
    labels = np.maximum(there.reshape(-1, runs).sum(axis=0), 1)  # those with a denominator
    scale = np.divide(100, bases * np.tile(labels, size // runs), out=np.zeros(size), where=there)
    return 100 * ratio.reshape(-1, runs).sum(axis=0) / labels, (above - ratio[part] * below) * scale[part]


def influences(
    table: pd.DataFrame, rows: dict[str, int], trivial: Sequence[str], seeds: list[int], cell: int
) -> tuple[np.ndarray, Influences]:
    """Return the values of the arms of one target and language (arms, seeds) and the influences of their units.

    Args:
        table: The sums of the target in the language.
        rows: The row of each arm's score.
        trivial: The arms that are trivial baselines.
        seeds: The seeds of the other arms.
        cell: The number of the target and language.
    """
    from scipy.sparse import csr_array, hstack

    arms, count = list(rows), len(seeds)
    once = np.array([name in trivial for name in arms], dtype=bool)
    column = table["unit"].astype("category").cat.remove_unused_categories().cat
    names, unit = np.asarray(column.categories, dtype=object), column.codes.to_numpy()
    arm, values, parts = positions(table["arm"], arms), np.zeros((len(arms), count)), []
    for first in range(0, len(arms), ARMS_AT_ONCE):
        last = min(first + ARMS_AT_ONCE, len(arms))
        chosen = np.flatnonzero((arm >= first) & (arm < last))
        part, of_arm = table.iloc[chosen], arm[chosen].astype(np.int64)
        seed = np.where(once[of_arm], 0, positions(part["seed"], seeds))
        run = (of_arm - first) * count + seed
        found, residuals = ratios(part, run, (last - first) * count)
        values[first:last] = found.reshape(last - first, count)
        parts.append(csr_array((residuals, (unit[chosen], run)), shape=(len(names), (last - first) * count)))
    values[once] = values[once, :1]
    matrix = hstack(parts, format="csr")
    named = np.flatnonzero(names != "")  # a declared label that never occurs has no unit and no influence
    counts = np.zeros((len(names), len(arms)), dtype=bool)  # in mining not all units count
    there = np.flatnonzero((table["numerator"] != 0).to_numpy() | (table["denominator"] != 0).to_numpy())
    counts[unit[there], arm[there]] = True
    partial = None if counts[named].all() else counts[named]
    return values, Influences(cell, np.array(list(rows.values())), once, names[named], matrix[named], partial)


def positions(column: pd.Series, names: Sequence[Any]) -> np.ndarray:
    """Return the position of each value in ``names``, -1 for one that is not there."""
    return column.astype("category").cat.set_categories(names).cat.codes.to_numpy()


@dataclass
class Accumulator:
    """Adds up the moments of cells that have units in common, one list of such cells at a time.

    ``left`` has the cells that are still to be read, in such lists, in order; if it is empty, all are added at the end.
    """

    scores: int
    seeds: int
    left: list[set[Key]]
    waiting: list[Influences] = field(default_factory=list)
    blocks: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    rows: dict[int, np.ndarray] = field(default_factory=dict)
    patterns: list[tuple[np.ndarray, int]] = field(default_factory=list)
    partial: set[int] = field(default_factory=set)

    def read(self, key: Key, influences: Influences) -> None:
        """Keep the influences in a cell until the last cell of its list has been read, then add them up."""
        self.waiting.append(influences)
        if self.left:
            self.left[0].discard(key)
            if not self.left[0]:
                self._add(self.waiting)
                self.waiting = []
                del self.left[0]

    def _add(self, component: list[Influences]) -> None:
        codes, names = pd.factorize(np.concatenate([part.units for part in component]))
        here = np.full((len(names), len(component)), -1)  # the row of each unit in each cell
        ends = np.cumsum([len(part.units) for part in component])
        for number, (part, end) in enumerate(zip(component, ends, strict=True)):
            here[codes[end - len(part.units) : end], number] = np.arange(len(part.units))
            self.rows[part.cell] = part.rows
        shared, pattern = np.unique(here >= 0, axis=0, return_inverse=True)
        for number, member in enumerate(shared):
            parts = [component[i] for i in np.flatnonzero(member)]
            units = here[pattern.ravel() == number][:, member]
            self._count(parts, units)
            step = max(1, CHUNK // (self.seeds * sum(len(part.rows) for part in parts)))
            for start in range(0, len(units), step):
                self._multiply(parts, units[start : start + step])

    def _count(self, parts: list[Influences], units: np.ndarray) -> None:
        """Count units that occur in the same cells by the scores in which they count."""
        rows = np.concatenate([part.rows for part in parts])
        if all(part.counts is None for part in parts):
            self.patterns.append((rows, len(units)))
            return
        self.partial |= {part.cell for part in parts if part.counts is not None}
        counts = np.ones((len(units), len(rows)), dtype=bool)
        starts = np.cumsum([0, *(len(part.rows) for part in parts)])
        for number, part in enumerate(parts):
            if part.counts is not None:
                counts[:, starts[number] : starts[number + 1]] = part.counts[units[:, number]]
        packed, numbers = np.unique(np.packbits(counts, axis=1), axis=0, return_counts=True)
        found = np.unpackbits(packed, axis=1, count=len(rows)).astype(bool)
        self.patterns += [(rows[some], int(number)) for some, number in zip(found, numbers, strict=True)]

    def _multiply(self, parts: list[Influences], units: np.ndarray) -> None:
        dense = np.concatenate([part.dense(units[:, i], self.seeds) for i, part in enumerate(parts)], axis=1)
        means = dense.mean(axis=2)
        runs = dense.transpose(0, 2, 1).reshape(-1, dense.shape[1])
        of_means, of_runs = means.T @ means, runs.T @ runs
        ends = np.cumsum([len(part.rows) for part in parts])
        slices = [slice(end - len(part.rows), end) for part, end in zip(parts, ends, strict=True)]
        for one, ours in zip(parts, slices, strict=True):
            for other, theirs in zip(parts, slices, strict=True):
                old = self.blocks.get((one.cell, other.cell), (0.0, 0.0))
                self.blocks[one.cell, other.cell] = old[0] + of_means[ours, theirs], old[1] + of_runs[ours, theirs]

    def moments(self) -> Moments:
        """Return the moments of all that was added."""
        from scipy.sparse import csr_array

        if self.waiting:
            self._add(self.waiting)
            self.waiting = []
        pairs = [(self.rows[i], self.rows[j], block) for (i, j), block in self.blocks.items()]
        none = np.zeros(0, dtype=int)
        left = np.concatenate([np.repeat(ours, len(theirs)) for ours, theirs, _ in pairs] or [none])
        right = np.concatenate([np.tile(theirs, len(ours)) for ours, theirs, _ in pairs] or [none])
        of_means, of_runs = (
            csr_array(
                (np.concatenate([block[k].ravel() for _, _, block in pairs] or [none]), (left, right)),
                shape=(self.scores, self.scores),
            )
            for k in (0, 1)
        )
        sizes = [len(rows) for rows, _ in self.patterns]
        scores = np.concatenate([rows for rows, _ in self.patterns] or [none])
        indices = (np.repeat(np.arange(len(sizes)), sizes), scores)
        members = csr_array((np.ones(len(scores)), indices), shape=(len(sizes), self.scores))
        counts = np.array([count for _, count in self.patterns], dtype=int)
        return Moments(of_means, of_runs, members, counts, frozenset(self.partial))


def components(units: Iterable[tuple[Key, Iterable[str]]]) -> list[list[Key]]:
    """Group cells into lists that have no unit in common.

    Args:
        units: The names of the units of each cell.
    """
    parent: dict[Key, Key] = {}
    first: dict[str, Key] = {}

    def root(key: Key) -> Key:
        while parent[key] != key:
            key = parent[key]
        return key

    for key, names in units:
        parent[key] = key
        for name in names:
            if name and (other := first.setdefault(name, key)) != key:
                parent[root(other)] = root(key)
                first[name] = key
    found: dict[Key, list[Key]] = {}
    for key in parent:
        found.setdefault(root(key), []).append(key)
    return list(found.values())
