"""How far numbers may differ on another machine, as a release says (:mod:`codestilts.release.rounding` measures it)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from codestilts.csv_tables import read_csv
from codestilts.errors import CodeStiltsError
from codestilts.release.snapshot import Snapshot
from codestilts.release.tables import TABLES

FOLDER = "tolerances"
UNCERTAIN = "verdict"  # column of the tolerances of claims: whether rounding may change the verdict

LAST_DIGIT = 1e-6  # of scores as they are written: the difference of two may be off by as much


@dataclass(frozen=True)
class Tolerances:
    """Tolerances of the numbers of a release.

    Attributes:
        scores: For each target and metric, the tolerance of a score with one test row; it falls with the root of their
            number.
        derived: For each other table, the tolerance of each number, in the order of the released rows.
        thresholds: The values at which verdicts in ``contrasts`` and ``target_checks`` change if an end of the interval
            passes them; under ``p`` that of the corrected p. The tolerances of claims say which verdicts may change.
        warnings: What limits the comparison.
    """

    scores: Mapping[str, float] = field(default_factory=dict)
    derived: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    thresholds: Mapping[str, list[float]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def of(self, table: str, column: str, rows: pd.DataFrame) -> np.ndarray:
        """Return the tolerance of a column's numbers in some expected rows; 0 where none was measured."""
        if table == "scores":
            measured = (rows["target"] + " " + rows["metric"]).map(self.scores)
            single = measured.where(rows["encoder"] != "").to_numpy(float)  # trivial baselines are not trained
            tests = rows["n"].astype(float).to_numpy()
            # A score cannot differ by less than one answer (of an F1, that is part of what was measured).
            allowed = np.fmax(single / np.sqrt(tests), 1 / tests) + LAST_DIGIT
            return np.where(np.isnan(single), 0.0, allowed)
        if table not in self.derived:
            return np.zeros(len(rows))
        return self.derived[table][column].to_numpy(float)[rows["position"].astype(int)]

    def touches(self, table: str, rows: pd.DataFrame) -> np.ndarray:
        """Whether the released verdict could be another one within the tolerances of the numbers on which it rests."""
        found = np.zeros(len(rows), bool)
        if table == "claims":
            return self.of(table, UNCERTAIN, rows) > 0 if table in self.derived else found
        for column in [name for name in ("low", "high", "p_holm", "p_bh") if name in rows]:
            numbers, tolerance = pd.to_numeric(rows[column], errors="coerce").to_numpy(), self.of(table, column, rows)
            for value in self.thresholds.get("p" if column.startswith("p_") else table, []):
                found |= np.abs(numbers - value) <= tolerance
        return found


def read_tolerances(expected: Snapshot, found: Snapshot) -> Tolerances:
    """Read the tolerances of a release for the precision of some results: of several, the largest."""
    release: dict[str, Any] = expected.release
    if "tolerances" not in release:
        return Tolerances(warnings=("rounding was not measured for what is expected (make rounding), so that every "
                                    "value has to be equal",))  # fmt: skip
    measured = release["tolerances"]
    known = sorted(found.precisions & measured["scores"].keys()) or sorted(expected.precisions)
    other = sorted(found.precisions - measured["scores"].keys())
    taken = ", ".join(known)
    warnings = [f"rounding in {name} was not measured: its tolerances are those of {taken}" for name in other]
    scores, derived = pd.DataFrame({name: measured["scores"][name] for name in known}), {}
    for name in TABLES:
        paths = [expected.folder / FOLDER / precision / f"{name}.csv.gz" for precision in known]
        if read := [_read_derived(path, expected.tables.get(name), name) for path in paths if path.exists()]:
            derived[name] = pd.concat(read).groupby(level=0).max()
    return Tolerances(
        scores={str(name): float(value) for name, value in scores.max(axis=1).items()},
        derived=derived,
        thresholds=measured["thresholds"],
        warnings=tuple(warnings),
    )


def _read_derived(path: Path, rows: pd.DataFrame | None, name: str) -> pd.DataFrame:
    """Read the tolerances of a table's numbers, one row for each of its own."""
    table, numbers = read_csv(path), {*TABLES[name].numbers, *([UNCERTAIN] if name == "claims" else [])}
    if rows is not None and (len(table) != len(rows) or not (numbers & set(rows)) <= set(table)):
        raise CodeStiltsError(f"{path}: not the tolerances of {name}, of other rows or columns: make release")
    return table
