"""The comparison of two studies, cell by cell: equal, within tolerance, or deviating."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from codestilts.config.plan_record import changes
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.statistics.questions import TARGETS
from codestilts.release.consistency import inconsistent
from codestilts.release.extent import in_words
from codestilts.release.snapshot import Snapshot, read_snapshot
from codestilts.release.tables import COPIED, PLAN_TABLE, TABLES, Table
from codestilts.release.tolerances import Tolerances, read_tolerances

EQUAL, WITHIN, DEVIATES = "equal", "within tolerance", "deviates"
MISSING, ADDITIONAL = "missing", "additional"  # a row that only one side has
CONSISTENCY = "effects by scores"  # those of one study
CELL_COLUMNS = ["row", "column", "expected", "found", "difference", "tolerance", "status"]


@dataclass(frozen=True)
class TableComparison:
    """A table of two studies, compared.

    Attributes:
        name: The name of the table.
        rows: The number of rows that both have.
        values: The number of compared values.
        cells: The values that differ and the rows that only one side has (:data:`CELL_COLUMNS`), the worst first.
        in_common: The keys that all rows have which are missing, additional or repeated, in words; by that word.
    """

    name: str
    rows: int
    values: int
    cells: pd.DataFrame
    in_common: Mapping[str, str] = field(default_factory=dict)

    def count(self, status: str) -> int:
        """The number of values with a status; a row that only one side has is one value that deviates."""
        if status == EQUAL:
            return self.values - int((self.cells["column"] != "").sum())
        return int((self.cells["status"] == status).sum())


@dataclass(frozen=True)
class Comparison:
    """Two studies, compared.

    Attributes:
        expected: What is expected.
        found: What was found.
        tables: The compared tables: the plan if one was registered, then those of :data:`TABLES` in their order.
        differs: Why numbers may differ by rounding, in words; empty if both have the same machine and versions, so that
            every value has to be equal.
        warnings: What limits the comparison.
    """

    expected: Snapshot
    found: Snapshot
    tables: Sequence[TableComparison]
    differs: str
    warnings: Sequence[str] = ()

    @property
    def measured(self) -> bool:
        """Whether rounding was measured for what is expected, so that numbers have tolerances."""
        return "tolerances" in self.expected.release

    @cached_property
    def deviations(self) -> int:
        """The number of values that deviate."""
        return sum(table.count(DEVIATES) for table in self.tables)


def compare_results(expected: Path, results: Path) -> Comparison:
    """Compare a study with what is expected of it.

    Args:
        expected: A release (``expected/STUDY``) or the results of a study.
        results: The results of a study or a release.

    Raises:
        CodeStiltsError: A folder is neither.
    """
    found = compare_snapshots(read_snapshot(expected), read_snapshot(results))
    return replace(found, tables=[*found.tables, *_consistency(found.found)])


def _consistency(snapshot: Snapshot) -> list[TableComparison]:
    """Compare effects with those that follow from the scores of the same study, if it has both."""
    scores, effects = snapshot.tables.get("scores"), snapshot.tables.get("effects")
    if scores is None or effects is None:
        return []
    for name, table, columns in (("scores", scores, ["value"]), ("effects", effects, ["effect", "by_seed"])):
        for column in columns:
            if column not in table:
                where = f"{snapshot.folder}: {name}.csv"
                raise CodeStiltsError(f"{where} lacks the column {column}: delete it, and make it again")
    wrong = inconsistent(scores, effects)
    values = pd.to_numeric(wrong["effect"])
    cells = {
        "row": _names(TABLES["effects"], wrong),
        "column": "effect",
        "expected": wrong["follows"].map("{:.6f}".format),
        "found": wrong["effect"],
        "difference": values - wrong["follows"],
        "tolerance": 0.0,
        "status": DEVIATES,
    }
    rows = _worst_first(TABLES["effects"], pd.DataFrame(cells, wrong.index, columns=CELL_COLUMNS))
    return [TableComparison(CONSISTENCY, len(effects), len(effects), rows)]


def compare_snapshots(expected: Snapshot, found: Snapshot, alike: bool = False) -> Comparison:
    """Compare two studies; see :func:`compare_results`. All rows of a table that was not found are missing.

    With ``alike``, neither is expected to contain the other: rows that only one has are named on both sides, also if it
    is a part of a study.
    """
    differs, partial = machines_differ(expected, found), bool(expected.release.get("lacks")) and not alike
    allowed = read_tolerances(expected, found) if differs else None
    other_checks = bool(differs) and _failing(expected) != _failing(found)
    if other_checks:
        expected, found = (_without_failing(snapshot) for snapshot in (expected, found))
    warnings = [*(allowed.warnings if allowed else ()), *other_rates(expected, found)]
    parts = [snapshot for snapshot in (expected, found) if snapshot.release.get("lacks")]
    warnings += [f"{snapshot.folder} is a part of the study: {in_words(snapshot.release)}" for snapshot in parts]
    if other_checks:
        warnings.append("other checks of targets fail: the contrast without these targets is another one, not compared")
    if _unrelated(expected, found):
        warnings.insert(
            0, f"no run of {expected.folder} is among those of {found.folder}: they may be different studies"
        )
    absent = [name for name in COPIED if partial and name in expected.tables and name not in found.tables]
    if absent:  # what was run in part has no tables but those of its release
        warnings.append(f"{', '.join(absent)}: not compared, because {found.folder} lacks them; its release has them")
    same_runs = not partial or expected.files == found.files
    compared = [compare_table(PLAN_TABLE, expected.settings, found.settings, allowed)] if expected.plan else []
    for name, table in TABLES.items():
        if name in absent:
            continue
        if name in expected.tables and not (table.of_all_runs and not same_runs):
            rows = expected.tables[name]
            compared.append(compare_table(table, rows, found.tables.get(name, rows.head(0)), allowed, partial))
        elif name in expected.tables:
            warnings.append(f"{name}: not compared, because {found.folder} has other runs")
        elif name in found.tables and alike:
            rows = found.tables[name]
            compared.append(compare_table(table, rows.head(0), rows, allowed))
        elif name in found.tables:
            warnings.append(f"{name}: not compared, because {expected.folder} has no such table")
    return Comparison(expected, found, compared, differs, warnings)


def _failing(snapshot: Snapshot) -> set[tuple[str, str]]:
    """Return the targets that fail a check, each with its encoder."""
    checks = snapshot.tables.get("target_checks", pd.DataFrame(columns=["encoder", "target", "passed"]))
    failing = checks[checks["passed"] == "False"]
    return set(zip(failing["encoder"], failing["target"], strict=True))


def _without_failing(snapshot: Snapshot) -> Snapshot:
    """Leave out the contrast without the targets that fail: which these are is part of it, and a check may be close."""
    if "contrasts" not in snapshot.tables:
        return snapshot
    contrasts = snapshot.tables["contrasts"]
    kept = contrasts[contrasts["left_out_kind"] != TARGETS]
    return replace(snapshot, tables={**snapshot.tables, "contrasts": kept})


def _unrelated(expected: Snapshot, found: Snapshot) -> bool:
    """Whether two studies have no run in common, although both have some."""
    keys = list(TABLES["runs"].keys)
    both = [snapshot.tables["runs"][keys] for snapshot in (expected, found) if "runs" in snapshot.tables]
    return len(both) == 2 and both[0].merge(both[1], on=keys).empty


def machines_differ(expected: Snapshot, found: Snapshot) -> str:
    """Return in words why the last bits of numbers may differ; empty if both were computed with one and the same."""
    if without := [str(snapshot.folder) for snapshot in (expected, found) if not snapshot.machines]:
        return f"an unknown processor, as {without[0]} has no records of runs"
    ours, theirs = (
        list(map(json.loads, {_what_rounds(machine) for machine in snapshot.machines}))
        for snapshot in (expected, found)
    )
    if len(ours) != 1 or len(theirs) != 1:
        return "runs on several kinds of processor or with several versions"
    return f"another {', '.join(changes(ours[0], theirs[0]))}" if ours != theirs else ""


def _what_rounds(machine: str) -> str:
    """Return what decides the last bits: of Python the minor version, because its patches change no number."""
    kind = json.loads(machine)
    kind |= kind.pop("versions")
    return json.dumps(kind | {"python": ".".join(str(kind.get("python")).split(".")[:2])}, sort_keys=True)


def other_rates(expected: Snapshot, found: Snapshot) -> list[str]:
    """Return in words for which arms trials chose another learning rate, because everything after it differs then."""
    rates = []
    for snapshot in (expected, found):
        columns = ["encoder", "arm", "learning_rate", "chosen"]
        doses = snapshot.tables.get("doses", pd.DataFrame()).reindex(columns=columns)
        chosen = doses[doses["chosen"] == "True"].drop_duplicates(["encoder", "arm"])
        rates.append(chosen.set_index(["encoder", "arm"])["learning_rate"])
    ours, theirs = rates[0].align(rates[1], join="inner")
    return [
        f"trials chose the learning rate {theirs[pair]} for {' / '.join(pair)}, not {ours[pair]}: its runs are others"
        for pair in ours.index[ours != theirs]
    ]


def compare_table(
    table: Table, expected: pd.DataFrame, found: pd.DataFrame, allowed: Tolerances | None, partial: bool = False
) -> TableComparison:
    """Compare a table.

    Args:
        table: Its columns.
        expected: The expected rows, as texts.
        found: The rows that were found.
        allowed: The tolerances; None if every value has to be equal.
        partial: Whether rows that are not expected are ignored.
    """
    keys = list(table.keys)
    repeated = found[found.duplicated(keys)]
    renamed = found.drop_duplicates(keys).rename(columns=lambda name: name if name in keys else f"{name} found")
    rows = expected.reset_index(names="position").merge(renamed, on=keys, how="outer", indicator="side")
    both = rows[rows["side"] == "both"].reset_index(drop=True)
    one_sided = [(rows[rows["side"] == "left_only"], MISSING)]
    one_sided += [] if partial else [(rows[rows["side"] == "right_only"], ADDITIONAL), (repeated, "repeated")]
    parts = [_one_sided(table, some, word) for some, word in one_sided]
    columns = [name for name in dict.fromkeys([*expected, *found]) if name not in keys]
    columns = [name for name in columns if allowed is None or name not in table.follows]
    for column in columns:
        parts.append(_compare_column(table, both, column, allowed))
    cells = pd.concat([part for part in parts if len(part)] or [pd.DataFrame(columns=CELL_COLUMNS)], ignore_index=True)
    in_common = {word: _in_common(table, some) for some, word in one_sided}
    return TableComparison(table.name, len(both), len(both) * len(columns), _worst_first(table, cells), in_common)


def _one_sided(table: Table, rows: pd.DataFrame, word: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"row": _names(table, rows), "column": "", "expected": "", "found": word, "difference": np.inf,
         "tolerance": 0.0, "status": DEVIATES},
        columns=CELL_COLUMNS,
    )  # fmt: skip


def _compare_column(table: Table, rows: pd.DataFrame, column: str, allowed: Tolerances | None) -> pd.DataFrame:
    """Return the values of a column that differ between the rows that both sides have."""
    ours, theirs = (rows.get(name, pd.Series("(no column)", rows.index)) for name in (column, f"{column} found"))
    before, after = (pd.to_numeric(side, errors="coerce").to_numpy(float) for side in (ours, theirs))
    with np.errstate(invalid="ignore"):  # an interval may be infinite on both sides
        difference = after - before
    tolerance = np.zeros(len(rows))
    if allowed is not None and column in table.numbers:
        tolerance = allowed.of(table.name, column, rows)
    within = np.abs(difference) <= tolerance
    if allowed is not None and column == table.verdict:
        within = allowed.touches(table.name, rows) & (ours.eq("") == theirs.eq("")).to_numpy(bool)
    differ = (ours != theirs).to_numpy(bool) & (difference != 0)
    cells = {
        "row": _names(table, rows),
        "column": column,
        "expected": ours,
        "found": theirs,
        "difference": np.where(np.isnan(difference), np.inf, difference),
        "tolerance": tolerance,
        "status": np.where(within, WITHIN, DEVIATES),
    }
    return pd.DataFrame(cells, rows.index)[differ]


def _names(table: Table, rows: pd.DataFrame) -> pd.Series:
    """Return rows' keys as one text, without empty ones."""
    if rows.empty:
        return pd.Series(dtype=str)
    return rows[list(table.keys)].apply(lambda row: " / ".join(filter(None, row)), axis=1)


def _in_common(table: Table, rows: pd.DataFrame) -> str:
    """Return the keys that all of several rows have, in words, without empty ones."""
    same = [key for key in table.keys if len(rows) > 1 and rows[key].nunique() == 1 and rows[key].iloc[0]]
    return ", ".join(f"{key.replace('_', ' ')} {rows[key].iloc[0]}" for key in same)


def _worst_first(table: Table, cells: pd.DataFrame) -> pd.DataFrame:
    """Sort differing values, the worst first.

    Deviating ones are before others; then rows that one side lacks, verdicts and settings, then numbers, then what
    follows from them; then those that differ by more tolerances, then by more.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        size = cells["difference"].abs().astype(float)
        ratio = (size / cells["tolerance"].astype(float)).fillna(np.inf)
    kind = cells["column"].isin(table.numbers) + 2 * cells["column"].isin(table.follows)
    order = cells.assign(rank=cells["status"] != DEVIATES, kind=kind, ratio=-ratio, size=-size)
    by = ["rank", "kind", "ratio", "size", "row"]
    return cells.loc[order.sort_values(by, kind="stable").index].reset_index(drop=True)
