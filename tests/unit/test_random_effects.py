"""The mixed model of cells and seeds, against analyses of variance by hand: balanced data have a closed form."""

import numpy as np
import pandas as pd
import pytest

from codestilts.evaluation.statistics.random_effects import random_mean
from codestilts.evaluation.statistics.sensitivity import mixed_model

GROUPS = np.array([0, 0, 1, 1, 2, 2])
PAIRS = np.array([0, 1, 0, 1, 0, 1])


def test_one_factor_by_hand():
    # Means of groups 2, 6, 10: mean square between 2 * 16 = 32, within 2. Variance of the mean: 32 / 6.
    mean, error = random_mean(np.array([1.0, 3, 5, 7, 9, 11]), [GROUPS])
    assert (mean, error**2) == pytest.approx((6.0, 32 / 6), rel=1e-6)


def test_two_crossed_factors_by_hand():
    # Mean squares: groups 2 * (16 + 16) / 2 = 32, pairs 3 * (9 + 9) / 1 = 54, rest 4 / 2 = 2.
    # Variance of the mean: (32 + 54 - 2) / 6.
    values = np.array([-4, 0, 4])[GROUPS] + np.array([-3, 3])[PAIRS] + np.array([1, -1, 0, 0, -1, 1])
    mean, error = random_mean(5.0 + values, [GROUPS, PAIRS])
    assert (mean, error**2) == pytest.approx((5.0, 14.0), rel=1e-5)


def test_a_factor_without_variance_leaves_the_variance_of_the_values():
    # All groups have the mean 2: the squares sum to 6, so the variance is 6 / 5, that of the mean 1 / 5.
    values = np.array([1.0, 3, 3, 1, 1, 3])
    assert random_mean(values, [GROUPS]) == pytest.approx((2.0, np.sqrt(0.2)), rel=1e-5)
    assert random_mean(values, []) == pytest.approx((2.0, np.sqrt(0.2)))


def test_factors_that_explain_everything_have_no_error():
    assert np.isnan(random_mean(np.array([1.0, 1, 3, 3, 5, 5]), [GROUPS])[1])


def differences(values: np.ndarray) -> pd.DataFrame:
    """Differences of values (seeds, targets, languages)."""
    index = pd.MultiIndex.from_product([range(size) for size in values.shape], names=["seed", "target", "language"])
    return pd.DataFrame({"difference": values.ravel()}, index=index).reset_index()


def test_variances_of_zero_are_found():
    """Three seeds, two targets, eight languages: only targets vary, and every other sum is zero.

    The mean square of targets is 24 * ((1/2)² + (1/2)²) / 1 = 12, the remaining sum of squares 48 (all are 1 or -1) has
    46 degrees of freedom. Variance of the mean: that of targets, 12, over 48 values.
    """
    signs = np.array([1, -1, 1, -1, 1, -1, 1, -1])
    seeds = np.array([signs, -signs, np.repeat([1, -1], 4)])
    values = np.stack([seeds, -seeds], axis=1) + np.array([0.5, 1.5])[None, :, None]
    found = mixed_model(differences(values.astype(float)), 0.95)
    assert found.value == pytest.approx(1.0)
    assert found.standard_error**2 == pytest.approx(12 / 48, rel=1e-3)
    assert found.high - found.value == pytest.approx(1.959964 * found.standard_error, rel=1e-6)


def test_values_that_factors_explain_exactly_have_no_interval():
    values = np.zeros((3, 2, 4)) + np.array([0.0, 1.0, 5.0])[:, None, None]
    found = mixed_model(differences(values), 0.95)
    assert found.note == "the mixed model has no solution" and np.isnan(found.low) and found.value == pytest.approx(2.0)
