"""Predictions to scores: sums of numerators and denominators per unit, and the tidy table of values."""

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from codestilts.columns import SCORE_KEYS, SUM_COLUMNS
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.metrics.registry import row_sums


def unit_sums(predictions: pd.DataFrame, metric: str, labels: Iterable[str] = ()) -> pd.DataFrame:
    """Sum one target's metric over the test rows of every (encoder, arm, target, seed, language, unit, label).

    ``labels`` are those that the task declares; an average over them has 0 for one that occurs nowhere in a cell.
    Returns :data:`SUM_COLUMNS` (n: test rows; label: of a macro average), sorted. Raises :class:`CodeStiltsError` for
    missing columns, empty predictions or scores that are not numbers.
    """
    if "checkpoint" not in predictions:
        predictions = predictions.assign(checkpoint="")  # nothing was trained, so there is nothing to select
    missing = [name for name in [*SCORE_KEYS, "unit", "gold", "prediction", "split"] if name not in predictions]
    if missing:
        raise CodeStiltsError(f"predictions lack the column {', '.join(missing)}: predict them again")
    predictions = predictions.reset_index(drop=True)
    rows = predictions[[*SCORE_KEYS, "unit", "split"]].join(row_sums(predictions, metric))
    rows = rows[rows["split"] == "test"]
    if rows.empty or rows[["numerator", "denominator"]].isna().any(axis=None):
        target = ", ".join(sorted(set(predictions["target"]))) or "?"
        raise CodeStiltsError(f"predictions of target '{target}': no test rows, or a score that is not a number")
    table = rows.groupby([*SCORE_KEYS, "unit", "label"], sort=True)[["numerator", "denominator", "n"]].sum()
    table = table.assign(metric=metric).reset_index()[SUM_COLUMNS]
    return pd.concat([table, absent(table, labels)], ignore_index=True) if metric == "macro_f1_declared" else table


def absent(sums: pd.DataFrame, labels: Iterable[str]) -> pd.DataFrame:
    """A row of value 0 for each of the ``labels`` that a cell of these sums lacks, as scikit-learn counts them."""
    cells = sums[[*SCORE_KEYS, "metric"]].drop_duplicates().merge(pd.DataFrame({"label": sorted(labels)}), how="cross")
    found = cells.merge(sums[[*SCORE_KEYS, "label"]].drop_duplicates(), how="left", indicator="where")
    rest = found[found["where"] == "left_only"]
    return rest.assign(unit="", numerator=0.0, denominator=1.0, n=0)[SUM_COLUMNS]


def values(sums: pd.DataFrame) -> pd.DataFrame:
    """One row per (encoder, arm, target, seed, language, metric): ``value`` between 0 and 1, and ``n`` test
    rows.
    """
    labels = sums.groupby([*SCORE_KEYS, "metric", "label"], sort=True)[["numerator", "denominator", "n"]].sum()
    labels["value"] = labels["numerator"] / labels["denominator"].where(labels["denominator"] > 0)
    cells = labels.groupby(level=[*SCORE_KEYS, "metric"]).agg(value=("value", "mean"), n=("n", "sum"))
    # An F1 with nothing to find and nothing found is 0 / 0: as in scikit-learn it counts as zero.
    return cells.fillna({"value": 0.0}).reset_index()


def tidy(sums: pd.DataFrame, facts: dict) -> pd.DataFrame:
    """The tidy score table: :func:`values` with what the study knows of each arm, target and language.

    ``facts``: ``families`` (arm -> family), ``overlaps`` (arm -> targets that share its data), ``targets`` (name ->
    {group}), ``source_of`` (target -> the language it is trained in), ``seen`` (languages of code arms), ``pretrained``
    (encoder -> languages).
    """
    table = values(sums)
    unknown = sorted(set(table["target"]) - set(facts["targets"]))
    if unknown:
        raise CodeStiltsError(f"scores of the target '{unknown[0]}', which the study does not name")
    table["family"] = [family_of(arm, facts) for arm in table["arm"]]
    table["group"] = [facts["targets"][target]["group"] for target in table["target"]]
    pairs = zip(table["arm"], table["target"], strict=True)
    table["overlaps"] = [target in facts["overlaps"].get(arm, []) for arm, target in pairs]
    sources = facts.get("source_of") or dict.fromkeys(facts["targets"], facts["source_language"])
    table["zero_shot"] = table["language"] != table["target"].map(sources)
    table["seen"] = table["language"].isin(facts["seen"])
    known = {(encoder, name) for encoder, names in facts["pretrained"].items() for name in names}
    table["pretrained"] = [pair in known for pair in zip(table["encoder"], table["language"], strict=True)]
    order = [
        "encoder",
        "arm",
        "family",
        "target",
        "group",
        "overlaps",
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


def tidy_files(paths: Sequence[str], facts: dict) -> pd.DataFrame:
    """:func:`tidy` of all tables of sums, read one after the other."""
    table = pd.concat([tidy(pd.read_parquet(path), facts) for path in paths], ignore_index=True)
    return table.sort_values([*SCORE_KEYS, "metric"], ignore_index=True)


def encoders_in(paths: Iterable[str]) -> list[str]:
    """The encoders of tables of sums; trivial baselines know none. Raises where there is no encoder at all."""
    paths = list(paths)
    found = sorted({name for path in paths for name in _distinct(path, "encoder")} - {""})
    if not found:
        raise CodeStiltsError(f"{', '.join(paths)}: no scores of any arm: predict first")
    return found


def sums_of(paths: Iterable[str], encoder: str, facts: dict) -> tuple[list[int], Iterator[pd.DataFrame]]:
    """The seeds of an encoder, and the sums that its effects are made of, one target at a time.

    Of trained targets those of the checkpoint that the study compares, of a target with several metrics those of its
    first one. A trivial baseline knows no encoder: it is compared with each.
    """
    mine = [path for path in paths if {encoder, ""} & set(_distinct(path, "encoder"))]
    seeds = sorted({int(number) for path in mine for number in _distinct(path, "seed", ("encoder", "==", encoder))})
    return seeds, (_target_sums(mine, encoder, target, facts) for target in facts["targets"])


def _target_sums(paths: list[str], encoder: str, target: str, facts: dict) -> pd.DataFrame:
    wanted = [
        ("encoder", "in", [encoder, ""]),
        ("target", "==", target),
        ("checkpoint", "in", ["", facts["checkpoint"]]),
        ("metric", "==", facts["targets"][target]["metric"]),
    ]
    return pd.concat([pd.read_parquet(path, filters=wanted) for path in paths], ignore_index=True)


def _distinct(path: str, column: str, *filters: tuple[str, str, str]) -> list:
    import pyarrow.parquet as pq

    return pq.read_table(path, columns=[column], filters=list(filters) or None)[column].unique().to_pylist()


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
    return table.sort_values([*SCORE_KEYS, "metric", "unit", "label"], ignore_index=True)
