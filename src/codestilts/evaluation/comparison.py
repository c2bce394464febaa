"""The comparison of arms: all tables of scores and statistics from tables of values and of sums."""

from collections.abc import Callable, Sequence

import pandas as pd

from codestilts.columns import SCORE_KEYS
from codestilts.config.analysis_settings import ComparisonSettings
from codestilts.evaluation.scoring import compared_runs, encoders_in, tidy
from codestilts.evaluation.statistics.contrasts import contrasts
from codestilts.evaluation.statistics.design import Design, design_of
from codestilts.evaluation.statistics.effects import effects
from codestilts.evaluation.statistics.resampling import Cells, resample
from codestilts.evaluation.statistics.target_checks import counts, target_checks
from codestilts.evaluation.sum_tables import SumTables, names_in

STATISTICS: dict[str, Callable[[Cells, Design], pd.DataFrame]] = {
    "effects": effects,
    "contrasts": contrasts,
    "target_checks": target_checks,
    "counts": counts,
}
TABLES = ["scores", *STATISTICS]


def compare(
    values: pd.DataFrame, sums: Sequence[str], languages: pd.DataFrame, settings: ComparisonSettings
) -> dict[str, pd.DataFrame]:
    """Compare arms.

    The sums of one encoder in one cell (target and language) are in memory at a time.

    Args:
        values: The values of the arms and of the trivial baselines, in any order.
        sums: Their tables of sums (parquet).
        languages: The similarity table.
        settings: The settings of the comparison.

    Returns:
        The tables named in :data:`TABLES`. All but ``scores`` begin with the encoder.
    """
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in STATISTICS}
    encoders_of = {path: names_in(path, "encoder") for path in sums}
    for encoder in encoders_in(values):
        tables = SumTables([path for path in sums if encoders_of[path] & {"", encoder}], encoder)
        runs = compared_runs(values, encoder, settings)
        keys = sorted(set(zip(runs["target"], runs["language"], strict=True)))
        cells = resample(((key, tables.read(*key)) for key in keys), settings.resamples, settings.seed, runs)
        design = design_of(settings, languages, encoder)
        for name, statistic in STATISTICS.items():
            table = statistic(cells, design)
            table.insert(0, "encoder", encoder)
            parts[name].append(table)
    tables_by_name = {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}
    scores = tidy(values, settings).sort_values([*SCORE_KEYS, "metric"], ignore_index=True)
    return {"scores": scores, **tables_by_name}
