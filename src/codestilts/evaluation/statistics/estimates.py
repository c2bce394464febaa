"""The estimate of a weighted sum of scores by the method that a study chooses."""

import numpy as np

from codestilts.config.analysis_settings import ComparisonSettings
from codestilts.evaluation.statistics import bootstrap, crossed_t
from codestilts.evaluation.statistics.crossed_t import Estimate
from codestilts.evaluation.statistics.resampling import Scores

CROSSED_T, MULTI_BOOTSTRAP = "crossed_t", "multi_bootstrap"
METHODS = {CROSSED_T: crossed_t.estimate, MULTI_BOOTSTRAP: bootstrap.estimate}


def estimate(scores: Scores, weights: np.ndarray, settings: ComparisonSettings, method: str = "") -> Estimate | None:
    """Estimate a weighted sum of scores by a method, or by that of the study; None if no score has a weight."""
    return METHODS[method or settings.interval](scores, weights, settings.confidence)
