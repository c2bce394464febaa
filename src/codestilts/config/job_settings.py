"""The function that makes the settings of each kind of job from a study.

Settings hold what decides the outputs of a job and no more, so that a job runs again only when its own settings change.
"""

from collections.abc import Callable
from typing import Any

from codestilts.config import analysis_settings, preparation_jobs, training_settings

JOB_SETTINGS: dict[str, Callable[..., Any]] = {
    "source": preparation_jobs.source_settings,
    "extract": preparation_jobs.extraction_settings,
    "build": preparation_jobs.build_settings,
    "baseline": preparation_jobs.baseline_settings,
    "intermediate": training_settings.intermediate,
    "target": training_settings.target,
    "tune": training_settings.tune,
    "frozen_retrieval": training_settings.frozen_retrieval,
    "score": analysis_settings.score,
    "compare": analysis_settings.compare,
    "report": analysis_settings.report,
}
