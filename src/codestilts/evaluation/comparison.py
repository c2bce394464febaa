"""The comparison of arms: all tables of scores and statistics from tables of sums."""

from collections.abc import Callable, Sequence

import pandas as pd

from codestilts.config.analysis_settings import ComparisonSettings
from codestilts.evaluation.scoring import encoders_in, sums_of, tidy_files
from codestilts.evaluation.statistics.bootstrap import Cells, resample
from codestilts.evaluation.statistics.contrasts import contrasts
from codestilts.evaluation.statistics.design import Design, design_of
from codestilts.evaluation.statistics.effects import effects
from codestilts.evaluation.statistics.target_checks import counts, target_checks

STATISTICS: dict[str, Callable[[Cells, Design], pd.DataFrame]] = {
    "effects": effects,
    "contrasts": contrasts,
    "target_checks": target_checks,
    "counts": counts,
}
TABLES = ["scores", *STATISTICS]


def compare(sums: Sequence[str], languages: pd.DataFrame, settings: ComparisonSettings) -> dict[str, pd.DataFrame]:
    """Compare arms.

    Args:
        sums: Tables of sums (parquet) of the arms and of the trivial baselines.
        languages: The similarity table.
        settings: The settings of the comparison.

    Returns:
        The tables named in :data:`TABLES`. All but ``scores`` begin with the encoder.
    """
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in STATISTICS}
    for encoder in encoders_in(sums):
        seeds, tables = sums_of(sums, encoder, settings)
        cells = resample(tables, settings.resamples, settings.seed, seeds)
        design = design_of(settings, languages, encoder)
        for name, statistic in STATISTICS.items():
            table = statistic(cells, design)
            table.insert(0, "encoder", encoder)
            parts[name].append(table)
    tables_by_name = {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}
    return {"scores": tidy_files(sums, settings), **tables_by_name}
