"""The tables of a release: what identifies a row, and how each column is compared."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table and its columns.

    Columns that are not named here have to be the same on every machine.

    Attributes:
        name: The name of its file, without the ending.
        keys: What identifies a row.
        numbers: Numbers that rounding changes: on other machines they may differ within the measured tolerance.
        verdict: What is concluded from the interval ``low`` to ``high``. On other machines it may differ only if the
            released interval touches a threshold.
        follows: What follows from the other columns, or describes a machine: compared on the same machine only.
        packed: Whether the release has it compressed.
        of_all_runs: Whether a row depends on several runs, so that it changes when a study is continued.
    """

    name: str
    keys: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    verdict: str = ""
    follows: tuple[str, ...] = ()
    packed: bool = False
    of_all_runs: bool = False


# Units without a found or expected pair do not count, so that their number depends on the predictions.
_INTERVAL = ("p", "by_seed", "note", "standard_error", "degrees_of_freedom", "units")
_SHARES = ("effective_cells", "largest_weight")
TABLES = {
    table.name: table
    for table in (
        Table("examples", ("task",)),
        Table("runs", ("phase", "encoder", "arm", "target", "seed"), packed=True),
        Table(
            "doses",
            ("encoder", "arm", "seed", "learning_rate", "measure", "task", "language"),
            follows=("value", "error"),
            packed=True,
        ),
        Table("predictions", ("file",), follows=("digest",), packed=True),
        Table(
            "scores",
            ("encoder", "arm", "target", "seed", "checkpoint", "language", "metric"),
            numbers=("value",),
            packed=True,
        ),
        Table(
            "effects",
            ("encoder", "arm", "kind", "scope", "language_set"),
            numbers=("none", "effect", "low", "high"),
            follows=(*_INTERVAL, *_SHARES, "p_bh"),
            packed=True,
            of_all_runs=True,
        ),
        Table(
            "contrasts",
            ("encoder", "plus", "plus_kind", "minus", "minus_kind", "role", "scope", "language_set", "form", "near",
             "left_out_kind", "left_out", "method"),
            numbers=("difference", "low", "high", "p_holm", "p_bh"),
            verdict="judgement",
            follows=(*_INTERVAL, *_SHARES, "variance_seeds", "variance_units", "variance_interaction", "detectable",
                     "power_by_seeds", "to_decide", "languages_better", "languages_worse", "verdict"),
            packed=True,
            of_all_runs=True,
        ),
        Table(
            "claims",
            ("claim", "encoder", "item"),
            numbers=("value", "low", "high"),
            verdict="verdict",
            follows=("p", "why", "deciding", "units", "command"),
            of_all_runs=True,
        ),
        Table(
            "target_checks",
            ("encoder", "target", "rival"),
            numbers=("none", "rival_value", "margin", "low", "high"),
            verdict="passed",
            follows=_INTERVAL,
            of_all_runs=True,
        ),
    )
}  # fmt: skip
# The registered plan as a table: the settings of a study that has other ones are named. It is no file of a release.
PLAN_TABLE = Table("plan", ("setting",))
COPIED = ("doses", "scores", "effects", "contrasts", "claims", "target_checks")  # from the tables of a study's results
