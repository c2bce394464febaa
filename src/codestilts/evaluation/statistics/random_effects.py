"""The mean of values with random factors: a mixed model whose only fixed effect is the intercept.

The variances of the factors maximise the restricted likelihood (REML, Patterson and Thompson 1971, Biometrika 58), in
terms of their ratios to the residual variance, which has a closed form. Estimates of zero are usual, and are where the
optimisers of statsmodels stop early: the likelihood is therefore maximised here, from several starts.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

LOG_RATIOS = (-20.0, 14.0)  # the range of the logarithms of variances relative to the residual one
STARTS = (0.0, -3.0, 3.0, -8.0)  # logarithms of ratios; the least minimum counts


def random_mean(values: np.ndarray, factors: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return the mean and its standard error, which treats the estimated variances as known.

    The error is NaN if the factors explain the values exactly: the likelihood then has no maximum.

    Args:
        values: The values (n).
        factors: For each random factor, the level (n, from 0) of every value.
    """
    from scipy.linalg import solve_triangular
    from scipy.optimize import minimize

    columns = [np.eye(int(levels.max()) + 1)[levels] for levels in factors]
    of_factor = np.repeat(np.arange(len(columns)), [part.shape[1] for part in columns])
    centre, count, freedom = float(values.mean()), len(of_factor), len(values) - 1
    all_columns = np.column_stack([*columns, np.ones(len(values)), values - centre])
    products = all_columns.T @ all_columns

    def fitted(logarithms: np.ndarray) -> tuple[float, np.ndarray, float, float]:
        """Return -2 log of the restricted likelihood without its constant, its gradient, the mean and its variance."""
        ratios = np.exp(logarithms)
        deviations = np.sqrt(ratios)[of_factor]
        root = np.linalg.cholesky(np.eye(count) + deviations[:, None] * products[:count, :count] * deviations)
        explained = solve_triangular(root, deviations[:, None] * products[:count], lower=True)
        left = products - explained.T @ explained  # products of columns with the inverse of the covariances between
        ones, cross, squares = left[count, count], left[count, count + 1], left[count + 1, count + 1]
        mean = cross / ones
        rest = max(squares - mean * cross, np.finfo(float).tiny)
        deviance = 2 * np.log(np.diag(root)).sum() + np.log(ones) + freedom * np.log(rest)
        residuals = left[:count, count + 1] - mean * left[:count, count]
        slopes = np.diag(left)[:count] - left[:count, count] ** 2 / ones - freedom * residuals**2 / rest
        gradient = np.bincount(of_factor, slopes, len(columns)) * ratios
        return float(deviance), gradient, float(mean), float(rest / freedom / ones)

    bounds = [LOG_RATIOS] * len(columns)
    starts = [np.full(len(columns), start) for start in STARTS]
    search = partial(minimize, lambda x: fitted(x)[:2], jac=True, bounds=bounds, tol=1e-14)
    found = [search(start) for start in starts if columns]
    best = min(found, key=lambda one: float(one.fun)).x if found else np.zeros(0)
    _, _, mean, variance = fitted(best)
    exact = best.max(initial=0.0) > LOG_RATIOS[1] - 1
    return centre + mean, float("nan") if exact else float(np.sqrt(variance))
