"""The comparison of arms: all tables of scores and statistics from tables of values and of sums."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pandas as pd

from codestilts.columns import SCORE_KEYS
from codestilts.config.analysis_settings import ComparisonSettings
from codestilts.evaluation.scoring import compared_runs, encoders_in, tidy
from codestilts.evaluation.statistics.contrasts import contrasts, corrected
from codestilts.evaluation.statistics.design import Design, design_of
from codestilts.evaluation.statistics.effects import effects
from codestilts.evaluation.statistics.estimates import MULTI_BOOTSTRAP
from codestilts.evaluation.statistics.moments import components
from codestilts.evaluation.statistics.questions import arms_of, primary
from codestilts.evaluation.statistics.resampling import Scores, resample
from codestilts.evaluation.statistics.target_checks import counts, target_checks
from codestilts.evaluation.sum_tables import SumTables, names_in

Statistics = Mapping[str, Callable[[Scores, Design], pd.DataFrame]]
STATISTICS: Statistics = {
    "effects": effects,
    "contrasts": contrasts,
    "target_checks": target_checks,
    "counts": counts,
}
TABLES = ["scores", *STATISTICS]


def compare(
    values: pd.DataFrame, sums: Sequence[str], languages: pd.DataFrame, settings: ComparisonSettings, processes: int = 1
) -> dict[str, pd.DataFrame]:
    """Compare arms.

    Each process compares the arms of one encoder, with the sums of one cell in memory at a time.

    Args:
        values: The values of the arms and of the trivial baselines, in any order.
        sums: Their tables of sums (parquet).
        languages: The similarity table.
        settings: The settings of the comparison.
        processes: The number of encoders that are compared at a time.

    Returns:
        The tables named in :data:`TABLES`. All but ``scores`` begin with the encoder.
    """
    encoders, encoders_of = encoders_in(values), {path: names_in(path, "encoder") for path in sums}
    jobs = []
    for encoder in encoders:
        runs, design = compared_runs(values, encoder, settings), design_of(settings, languages, encoder)
        jobs.append((encoder, runs, [path for path in sums if encoders_of[path] & {"", encoder}], design))
    jobs.sort(key=lambda job: -len(job[1]))  # the longest first
    if processes > 1 and len(jobs) > 1:
        os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # of each process: read when it starts
        # Spawned, as threads of BLAS and pyarrow do not survive a fork.
        with ProcessPoolExecutor(min(processes, len(jobs)), get_context("spawn")) as pool:
            tables_of = list(pool.map(compare_encoder, *zip(*jobs, strict=True)))
    else:
        tables_of = [compare_encoder(*job) for job in jobs]
    by_encoder = {job[0]: tables for job, tables in zip(jobs, tables_of, strict=True)}
    parts = {name: [by_encoder[encoder][name] for encoder in encoders] for name in STATISTICS}
    scores = tidy(values, settings).sort_values([*SCORE_KEYS, "metric"], ignore_index=True)
    found = {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}
    return {"scores": scores, **found, "contrasts": corrected(found["contrasts"], settings.confidence, settings.margin)}


def compare_encoder(
    encoder: str, runs: pd.DataFrame, sums: list[str], design: Design, statistics: Statistics = STATISTICS
) -> dict[str, pd.DataFrame]:
    """Return the tables of ``statistics`` of one encoder from its runs (:func:`compared_runs`) and sums."""
    tables, settings = SumTables(sums, encoder), design.settings
    keys = sorted(set(runs[["target", "language"]].drop_duplicates().itertuples(index=False, name=None)))
    together = components((key, tables.units(*key)) for key in keys)
    series = ((key, tables.read(*key)) for part in together for key in part)
    drawn = None if settings.interval == MULTI_BOOTSTRAP else arms_of(primary(design))
    scores = resample(series, settings.resamples, settings.seed, runs, together, drawn)
    found = {name: statistic(scores, design) for name, statistic in statistics.items()}
    for table in found.values():
        table.insert(0, "encoder", encoder)
    return found
