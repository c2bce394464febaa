"""From predictions to scores: sums of numerators and denominators per unit, and the tidy table of values."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from codestilts.columns import PROBES, SCORE_KEYS, SUM_COLUMNS
from codestilts.config.analysis_settings import ComparisonSettings, ScoreSettings
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.metrics.registry import reported_metrics, row_sums
from codestilts.evaluation.statistics.runs import TRIVIAL
from codestilts.evaluation.sum_tables import SumWriter, names_in
from codestilts.job_files import read_parquet

ARM_COLUMNS = ["encoder", "arm", "family"]
TARGET_COLUMNS = ["target", "group", "overlaps"]
LANGUAGE_COLUMNS = ["language", "zero_shot", "seen", "pretrained"]
SCORE_COLUMNS = [*ARM_COLUMNS, *TARGET_COLUMNS, "seed", "checkpoint", *LANGUAGE_COLUMNS, "metric", "value", "n"]


def score(predictions: Iterable[str], settings: ScoreSettings, sums: str | Path) -> pd.DataFrame:
    """Score prediction files (parquet) of any targets, one target at a time.

    Args:
        predictions: The files.
        settings: The settings of the scores.
        sums: Where to write the sums that effects are computed from (:func:`compared`).

    Returns:
        The values (:func:`values`) of each target's metric and of the metrics reported beside it, of all checkpoints,
        sorted.
    """
    paths: dict[str, list[str]] = {}
    for path in predictions:
        for name in sorted(names_in(path, "target")):
            paths.setdefault(name, []).append(path)
    tables = []
    with SumWriter(sums) as writer:
        for name in sorted(paths):
            target, parts = settings.targets[name], []
            for rows in (rows for path in paths[name] for rows in runs_of(path, name)):
                for metric in reported_metrics(target.metric):
                    table = unit_sums(rows, metric, target.labels)
                    tables.append(values(table))
                    if metric == target.metric:
                        parts.append(compared(table, settings.checkpoint))
            writer.write(pd.concat(parts, ignore_index=True))
    return pd.concat(tables, ignore_index=True).sort_values([*SCORE_KEYS, "metric"], ignore_index=True)


def runs_of(path: str, target: str) -> Iterator[pd.DataFrame]:
    """Yield the predictions of a target, those of one seed and checkpoint at a time: metrics take much memory."""
    rows = read_parquet(path, filters=[("target", "==", target)])
    keys = [name for name in ("seed", "checkpoint") if name in rows]
    yield from (part for _, part in rows.groupby(keys, sort=True)) if keys else [rows]


def compared(sums: pd.DataFrame, checkpoint: str) -> pd.DataFrame:
    """Return the sums that effects are computed from: of the checkpoint that the study compares, and not 0 / 0.

    Targets that are not fine-tuned have no checkpoints. In mining, most units are 0 / 0. References compete with none.
    """
    there = ((sums["numerator"] != 0) | (sums["denominator"] != 0)) & ~sums["arm"].isin(PROBES)
    return sums[there & sums["checkpoint"].isin(["", checkpoint])]


def unit_sums(predictions: pd.DataFrame, metric: str, labels: Iterable[str] = ()) -> pd.DataFrame:
    """Sum a metric over the test rows of each unit.

    Args:
        predictions: The predictions of one target.
        metric: The name of the metric.
        labels: The declared labels of the task; ``macro_f1_declared`` counts those that occur nowhere as 0.

    Returns:
        :data:`SUM_COLUMNS`, sorted; ``n`` is the number of test rows, ``label`` is set for macro averages.

    Raises:
        CodeStiltsError: Columns or test rows are missing, or a score is not a number.
    """
    if "checkpoint" not in predictions:
        predictions = predictions.assign(checkpoint="")  # nothing was trained, so there are no checkpoints
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
    if metric == "macro_f1_declared":
        return pd.concat([table, absent_labels(table, labels)], ignore_index=True)
    return table


def absent_labels(sums: pd.DataFrame, labels: Iterable[str]) -> pd.DataFrame:
    """Return a row of value 0 for each declared label that a cell of these sums lacks, as scikit-learn counts them."""
    cells = sums[[*SCORE_KEYS, "metric"]].drop_duplicates().merge(pd.DataFrame({"label": sorted(labels)}), how="cross")
    merged = cells.merge(sums[[*SCORE_KEYS, "label"]].drop_duplicates(), how="left", indicator="source")
    absent = merged[merged["source"] == "left_only"]
    return absent.assign(unit="", numerator=0.0, denominator=1.0, n=0)[SUM_COLUMNS]


def values(sums: pd.DataFrame) -> pd.DataFrame:
    """Return one row per :data:`SCORE_KEYS` and metric.

    Returns:
        The keys; ``value`` (0 to 1); and the numbers of test rows, ``n``, and of units, ``units``.
    """
    labels = sums.groupby([*SCORE_KEYS, "metric", "label"], sort=True)[["numerator", "denominator", "n"]].sum()
    labels["value"] = labels["numerator"] / labels["denominator"].where(labels["denominator"] > 0)
    cells = labels.groupby(level=[*SCORE_KEYS, "metric"]).agg(value=("value", "mean"), n=("n", "sum"))
    cells["units"] = sums.groupby([*SCORE_KEYS, "metric"])["unit"].nunique()
    # An F1 with nothing to find and nothing predicted is 0 / 0: it counts as zero, as in scikit-learn.
    return cells.fillna({"value": 0.0}).reset_index()


def tidy(values: pd.DataFrame, settings: ComparisonSettings) -> pd.DataFrame:
    """Return the tidy score table: :func:`values` with the properties of each arm, target and language.

    Raises:
        CodeStiltsError: The values have an arm or a target that the study lacks.
    """
    table = with_families(values, settings)
    # Categories compare with equal categories alone.
    encoder, arm, target, language = (table[name].astype(object) for name in ("encoder", "arm", "target", "language"))
    if unknown := sorted(set(target.unique()) - set(settings.targets)):
        raise CodeStiltsError(f"scores of the target '{unknown[0]}', which the study does not name")
    table["group"] = target.map({name: target.group for name, target in settings.targets.items()})
    overlaps = {(name, target) for name, arm in settings.arms.items() for target in arm.overlaps}
    table["overlaps"] = [pair in overlaps for pair in zip(arm, target, strict=True)]
    table["zero_shot"] = language != target.map(
        {name: target.source_language for name, target in settings.targets.items()}
    )
    table["seen"] = language.isin(settings.seen_languages)
    pretrained = {(name, language) for name, known in settings.pretraining_languages.items() for language in known}
    table["pretrained"] = [pair in pretrained for pair in zip(encoder, language, strict=True)]
    return table[SCORE_COLUMNS]


def with_families(table: pd.DataFrame, settings: ComparisonSettings) -> pd.DataFrame:
    """Add the column ``family``; rows without an encoder are those of trivial baselines.

    Raises:
        CodeStiltsError: The table has an arm that the study lacks.
    """
    trivial = table["encoder"] == ""
    if unknown := sorted(set(table.loc[~trivial, "arm"].unique()) - set(settings.arms)):
        raise CodeStiltsError(f"scores of the arm '{unknown[0]}', which the study does not name")
    families = table["arm"].astype(object).map({name: arm.family for name, arm in settings.arms.items()})
    return table.assign(family=families.mask(trivial, TRIVIAL))


def read_values(paths: Iterable[str]) -> pd.DataFrame:
    """Read tables of values, texts as categories in their order: a study has millions of values, and few names."""
    table = pd.concat([read_parquet(path) for path in paths], ignore_index=True)
    return table.astype({name: "category" for name in [*SCORE_KEYS, "metric"] if name != "seed"})


def encoders_in(values: pd.DataFrame) -> list[str]:
    """Return the encoders of a table of values.

    Raises:
        CodeStiltsError: There are no scores other than those of trivial baselines.
    """
    encoders = sorted(set(values["encoder"].unique()) - {""})
    if not encoders:
        raise CodeStiltsError("no scores of any arm: predict first")
    return encoders


def compared_runs(values: pd.DataFrame, encoder: str, settings: ComparisonSettings) -> pd.DataFrame:
    """Return the values that an encoder's effects are computed from, with the families of their arms.

    These are those of the main metric of each target and, where it is fine-tuned, of the checkpoint that the study
    compares. Trivial baselines have no encoder: they are compared with each.
    """
    metrics = {name: target.metric for name, target in settings.targets.items()}
    chosen = values["encoder"].isin(["", encoder]) & values["checkpoint"].isin(["", settings.checkpoint])
    chosen &= ~values["arm"].isin(PROBES)
    chosen &= values["metric"].astype(object) == values["target"].astype(object).map(metrics)
    return with_families(values[chosen], settings)
