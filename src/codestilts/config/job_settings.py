"""The function that makes the settings of each kind of job from a study.

Settings hold what decides the outputs of a job and no more, so that a job runs again only when its own settings change.
"""

from collections.abc import Callable
from typing import Any

from codestilts.config import analysis_jobs, claim_jobs, preparation_jobs, training_jobs, transferability

JOB_SETTINGS: dict[str, Callable[..., Any]] = {
    "source": preparation_jobs.source_settings,
    "extract": preparation_jobs.extraction_settings,
    "build": preparation_jobs.build_settings,
    "text_clusters": preparation_jobs.clustering_settings,
    "baseline": preparation_jobs.baseline_settings,
    "encode": training_jobs.encoding_settings,
    "intermediate": training_jobs.intermediate_settings,
    "doses": training_jobs.dose_settings,
    "target": training_jobs.target_settings,
    "tune": training_jobs.tuning_settings,
    "frozen_retrieval": training_jobs.retrieval_settings,
    "transferability": transferability.transferability_settings,
    "score": analysis_jobs.score_settings,
    "score_twins": analysis_jobs.twin_score_settings,
    "score_baselines": analysis_jobs.baseline_score_settings,
    "language_similarity": analysis_jobs.similarity_settings,
    "source_languages": analysis_jobs.source_language_settings,
    "compare": analysis_jobs.comparison_settings,
    "claim": claim_jobs.claim_settings,
    "claims": claim_jobs.claims_settings,
    "sample_predictions": analysis_jobs.sample_predictions_settings,
    "effect_figures": analysis_jobs.effect_figure_settings,
    "language_figures": analysis_jobs.language_figure_settings,
    "training_figures": analysis_jobs.training_figure_settings,
    "generation_figures": analysis_jobs.generation_figure_settings,
    "dose_figures": analysis_jobs.dose_figure_settings,
    "transferability_figures": analysis_jobs.transferability_figure_settings,
    "report": analysis_jobs.report_settings,
}
