"""Predictions to scores: sums of numerators and denominators per cluster, and the tidy table of values."""

from collections.abc import Iterable

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.metrics import row_sums

CELL = ["encoder", "arm", "target", "seed", "checkpoint", "language"]
COLUMNS = [*CELL, "metric", "cluster", "numerator", "denominator", "n"]


def cluster_sums(predictions: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Sum one target's metric over the test rows of every (encoder, arm, target, seed, language, cluster).

    Returns the columns ``encoder, arm, target, seed, checkpoint, language, metric, cluster, numerator, denominator, n``
    (n: test rows), sorted. Raises :class:`CodeStiltsError` for missing columns, empty predictions or scores
    that are not numbers.
    """
    if "checkpoint" not in predictions:
        predictions = predictions.assign(checkpoint="")  # nothing was trained, so there is nothing to select
    missing = [name for name in [*CELL, "cluster", "gold", "prediction", "split"] if name not in predictions]
    if missing:
        raise CodeStiltsError(f"predictions lack the column {', '.join(missing)}: predict them again")
    sums = row_sums(predictions, metric)
    rows = pd.concat([predictions[[*CELL, "cluster"]], sums], axis=1)[predictions["split"] == "test"]
    if rows.empty or sums.isna().any(axis=None):
        target = ", ".join(sorted(set(predictions["target"]))) or "?"
        raise CodeStiltsError(f"predictions of target '{target}': no test rows, or a score that is not a number")
    grouped = rows.groupby([*CELL, "cluster"], sort=True)
    table = grouped[["numerator", "denominator"]].sum().assign(n=grouped.size(), metric=metric)
    return table.reset_index()[COLUMNS]


def values(sums: pd.DataFrame) -> pd.DataFrame:
    """One row per (encoder, arm, target, seed, language, metric): ``value`` between 0 and 1, and ``n`` test
    rows.
    """
    cells = sums.groupby([*CELL, "metric"], sort=True)[["numerator", "denominator", "n"]].sum().reset_index()
    # An F1 with nothing to find and nothing found is 0 / 0: as in scikit-learn it counts as zero.
    cells["value"] = (cells["numerator"] / cells["denominator"].where(cells["denominator"] > 0)).fillna(0.0)
    return cells[[*CELL, "metric", "value", "n"]]


def tidy(sums: pd.DataFrame, facts: dict) -> pd.DataFrame:
    """The tidy score table: :func:`values` with what the study knows of each arm, target and language.

    ``facts``: ``families`` (arm -> family), ``targets`` (name -> {group}), ``source_languages``, ``seen`` (languages of
    code arms), ``pretrained`` (encoder -> languages).
    """
    table = values(sums)
    unknown = sorted(set(table["target"]) - set(facts["targets"]))
    if unknown:
        raise CodeStiltsError(f"scores of the target '{unknown[0]}', which the study does not name")
    table["family"] = [family_of(arm, facts) for arm in table["arm"]]
    table["group"] = [facts["targets"][target]["group"] for target in table["target"]]
    table["zero_shot"] = ~table["language"].isin(facts["source_languages"])
    table["seen"] = table["language"].isin(facts["seen"])
    known = {(encoder, name) for encoder, names in facts["pretrained"].items() for name in names}
    table["pretrained"] = [pair in known for pair in zip(table["encoder"], table["language"], strict=True)]
    order = [
        "encoder",
        "arm",
        "family",
        "target",
        "group",
        "seed",
        "checkpoint",
        "language",
        "zero_shot",
        "seen",
        "pretrained",
        "metric",
        "value",
        "n",
    ]
    return table[order]


def primary(sums: pd.DataFrame, checkpoint: str) -> pd.DataFrame:
    """The rows that effects are made of: of trained targets those of one kind of checkpoint."""
    return sums[sums["checkpoint"].isin(["", checkpoint])]


def family_of(arm: str, facts: dict) -> str:
    """The family of an arm; trivial baselines, named ``baseline:NAME``, are of the family ``trivial``."""
    if arm.startswith("baseline:"):
        return "trivial"
    if arm not in facts["families"]:
        raise CodeStiltsError(f"scores of the arm '{arm}', which the study does not name")
    return facts["families"][arm]


def concatenate(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """All score tables below one another, in one fixed order of rows."""
    table = pd.concat(list(frames), ignore_index=True)
    return table.sort_values([*CELL, "cluster"], ignore_index=True)
