"""Tables of the trials of intermediate learning rates: the effect of each dose on targets, and what is forgotten.

A dose is the peak learning rate times the number of steps. The trials have one seed and thus no interval.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from codestilts.columns import NONE, OF_OUTPUTS
from codestilts.evaluation.statistics.design import Design
from codestilts.reporting.output_languages import shares_of_outputs

KEYS = ["arm", "learning_rate", "steps", "dose", "chosen"]
SOURCE, TEST, HELD_OUT = "dev", "test", "held_out_loss"  # measures
OWN = "its own"  # the rate in the row for chosen rates
NO_HEAD = "no head"


@dataclass(frozen=True)
class DoseTables:
    """What the report shows of an encoder's trials.

    Attributes:
        effects: The effects of each dose (:func:`dose_effects`).
        shares: What share of the generated texts is in the wrong language or cut (:func:`wrong_shares`).
        losses: The losses on held-out texts (:func:`held_out_losses`).
        fixed: The effects of families with one rate for all arms (:func:`fixed_doses`).
        failed: The arm, rate and error of each failed trial.
    """

    effects: pd.DataFrame
    shares: pd.DataFrame
    losses: pd.DataFrame
    fixed: pd.DataFrame
    failed: pd.DataFrame


def dose_tables(doses: pd.DataFrame, design: Design) -> DoseTables:
    """Make all tables from what the trials of one encoder measured."""
    effects = dose_effects(doses, design)
    failed = doses.loc[doses["measure"] == "failed", ["arm", "learning_rate", "error"]]
    shares = wrong_shares(doses, design)
    return DoseTables(effects, shares, held_out_losses(doses), fixed_doses(effects, design), failed)


def dose_effects(doses: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Return each arm minus ``none`` by dose, in points: languages are averaged first, then targets, then groups.

    Args:
        doses: what the trials of one encoder measured.
        design: says which languages the study's contrast is about, and the groups of targets.

    Returns:
        Rows with :data:`KEYS`, ``family``, ``measure`` (``dev``: source language; ``test``: the languages of the
        contrast), ``scope`` and ``effect``.
    """
    cells = doses[(doses["measure"] == SOURCE) | ((doses["measure"] == TEST) & _contrasted(doses, design))]
    cell = ["measure", "task", "language"]
    none = cells.loc[cells["arm"] == NONE].set_index(cell)["value"].rename("reference")
    others = cells[cells["arm"] != NONE].join(none, on=cell)
    others = others.assign(effect=100 * (others["value"] - others["reference"]))
    table = _by_scope(others, "effect", design)
    families = {name: arm.family for name, arm in design.settings.arms.items()}
    return table.assign(family=table["arm"].map(families))[["family", *KEYS, "measure", "scope", "effect"]]


def wrong_shares(doses: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Return the shares of each trial's generated texts that are in a wrong or unknown language, or were cut.

    Args:
        doses: what the trials of one encoder measured; those that predict no test rows have no shares.
        design: says which languages the study's contrast is about, and the groups of targets.

    Returns:
        Rows with :data:`KEYS`, ``measure`` (one of
            :data:`codestilts.reporting.output_languages.SHARES`), ``scope`` and ``share`` in percent, a mean over the
        languages of the contrast, then over targets, then over groups. ``none`` has rows too.
    """
    tested = doses[doses["measure"].isin(OF_OUTPUTS) & _contrasted(doses, design)]
    keys = [*KEYS, "task", "language"]
    means = tested.pivot(index=keys, columns="measure", values="value").reindex(columns=list(OF_OUTPUTS))
    shares = shares_of_outputs(means).reset_index().melt(keys, var_name="measure", value_name="share").dropna()
    return _by_scope(shares, "share", design)[[*KEYS, "measure", "scope", "share"]]


def _contrasted(doses: pd.DataFrame, design: Design) -> pd.Series:
    """Whether each row is about a language of the study's contrast."""
    languages = design.languages_of(design.settings.language_set)
    found = [name in languages.get(task, ()) for task, name in zip(doses["task"], doses["language"], strict=True)]
    return pd.Series(found, doses.index, dtype=bool)


def _by_scope(cells: pd.DataFrame, value: str, design: Design) -> pd.DataFrame:
    """Average a column over languages, then over the targets of each group, then over the groups of each scope."""
    by_target = cells.groupby([*KEYS, "measure", "task"], sort=False)[value].mean().reset_index()
    parts = []
    for scope, (kind, lists) in design.scopes.items():
        group = {target: number for number, targets in enumerate(lists) for target in targets}
        part = by_target[by_target["task"].isin(list(group))] if kind != "target" else by_target[:0]
        by_group = part.groupby([*KEYS, "measure", part["task"].map(group)], sort=False)[value].mean()
        parts.append(by_group.groupby(level=[*KEYS, "measure"], sort=False).mean().reset_index().assign(scope=scope))
    return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True)
class ChosenEnds:
    """How many arms chose the lowest or the highest of their learning rates, of those that have several."""

    arms: int
    lowest: int
    highest: int


def chosen_ends(doses: pd.DataFrame) -> ChosenEnds:
    """Count the arms of one encoder whose chosen rate is an end of its candidates, failed ones among them."""
    trials = doses[doses["arm"] != NONE]
    rates = trials.groupby("arm")["learning_rate"].agg(["min", "max"])
    rates = rates.assign(chosen=trials[trials["chosen"]].groupby("arm")["learning_rate"].first())
    rates = rates[rates["min"] < rates["max"]]
    lowest, highest = (int((rates["chosen"] == rates[end]).sum()) for end in ("min", "max"))
    return ChosenEnds(len(rates), lowest, highest)


@dataclass(frozen=True)
class TextLoss:
    """The loss on held-out texts of one kind before intermediate training, and the lowest after a trial."""

    texts: str
    before: float
    lowest: float
    arm: str  # of the trial with the lowest


def text_losses(losses: pd.DataFrame) -> list[TextLoss]:
    """Return the losses before and after trials (:func:`held_out_losses`) by texts, without encoders without a head."""
    found = losses.dropna(subset="after").sort_values("after").groupby("texts").first()
    return [TextLoss(str(texts), row["before"], row["after"], row["arm"]) for texts, row in found.iterrows()]


def held_out_losses(doses: pd.DataFrame) -> pd.DataFrame:
    """Return the loss on each kind of held-out text before and after each trial; missing for encoders without a head.

    Columns: :data:`KEYS`, ``texts``, ``before``, ``after`` and ``change``.
    """
    losses = doses.loc[doses["measure"] == HELD_OUT].rename(columns={"task": "texts", "value": "after"})
    before = losses.loc[losses["arm"] == NONE].set_index("texts")["after"].rename("before")
    table = losses[losses["arm"] != NONE].join(before, on="texts")
    table = table.assign(change=table["after"] - table["before"])
    return table[[*KEYS, "texts", "before", "after", "change"]].reset_index(drop=True)


def fixed_doses(effects: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Return the effects of the contrast's two families with one rate for all arms, and with the chosen rates.

    A family is the mean of its arms that have the rate.

    Returns:
        Rows with ``measure``, ``scope``, ``learning_rate`` (or ``its own``), both families, and their ``difference``.
    """
    first, second = design.settings.contrast
    rates = effects.assign(rate=effects["learning_rate"].map("{:g}".format))
    own = effects[effects["chosen"]].assign(rate=OWN)
    order = [*(f"{rate:g}" for rate in sorted(effects["learning_rate"].unique())), OWN]
    both = pd.concat([rates, own], ignore_index=True)
    both = both[both["family"].isin([first, second])]
    both = both.assign(rate=pd.Categorical(both["rate"], order))
    table = both.pivot_table("effect", ["measure", "scope", "rate"], "family", "mean", observed=True, sort=True)
    table = table.reindex(columns=[first, second])
    table["difference"] = table[first] - table[second]
    found = table.rename_axis(columns=None).reset_index().rename(columns={"rate": "learning_rate"})
    return found.astype({"learning_rate": str})


def have_all_rates(effects: pd.DataFrame, design: Design) -> bool:
    """Whether each arm of the contrast's families has an effect at every rate: no trial failed, no arm has its own."""
    compared = effects[effects["family"].isin(design.settings.contrast)]
    number = compared.groupby(["measure", "arm"])["learning_rate"].nunique()
    return bool((number == compared["learning_rate"].nunique()).all())


def by_trial(tables: DoseTables, scope: str) -> pd.DataFrame:
    """Return one row per trial, ``none`` first: dose, effects in a scope, shares of generated texts, and losses on
    held-out texts after it.

    There are no rows if no trial has an effect in the scope.
    """
    effects = tables.effects[tables.effects["scope"] == scope]
    if effects.empty:
        return pd.DataFrame(columns=["family", *KEYS])
    wide = effects.pivot_table("effect", ["family", *KEYS], "measure", observed=True).rename_axis(columns=None)
    wide = wide.reset_index()
    measures = dict.fromkeys(effects["measure"].unique(), 0.0)
    before: dict[str, Any] = {}
    for measure, part in tables.shares[tables.shares["scope"] == scope].groupby("measure", sort=False):
        shares = part.set_index(["arm", "learning_rate"])["share"]
        keys = zip(wide["arm"], wide["learning_rate"], strict=True)
        wide[measure] = [shares.get(key, float("nan")) for key in keys]
        before[str(measure)] = shares.get((NONE, 0.0), float("nan"))
    for texts, part in tables.losses.groupby("texts", sort=True):
        losses = part.set_index(["arm", "learning_rate"])["after"]
        found = [losses.get(key, float("nan")) for key in zip(wide["arm"], wide["learning_rate"], strict=True)]
        wide[texts] = [_loss(loss) for loss in found]
    before |= {str(texts): _loss(part["before"].iloc[0]) for texts, part in tables.losses.groupby("texts", sort=True)}
    none = {"family": "baseline", "arm": NONE, "learning_rate": 0.0, "steps": 0, "dose": 0.0, "chosen": False}
    return pd.concat([pd.DataFrame([none | measures | before]), wide], ignore_index=True)[list(wide)]


def _loss(loss: float) -> str:
    return NO_HEAD if loss != loss else f"{loss:.2f}"
