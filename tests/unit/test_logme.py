"""LogME against a direct maximisation of the marginal likelihood."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from codestilts.evaluation.logme import logme


def highest_evidence(features: np.ndarray, label: np.ndarray) -> float:
    """The maximum over a and b of log N(y; 0, I / b + F F' / a), divided by the examples: the definition itself."""

    def negative(logarithms: np.ndarray) -> float:
        a, b = np.exp(np.clip(logarithms, -30, 30))
        covariance = np.eye(len(label)) / b + features @ features.T / a
        return -multivariate_normal(cov=covariance).logpdf(label)

    starts = [(a, b) for a in (-2.0, 2.0, 6.0) for b in (0.0, 3.0)]
    options = {"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000}
    return -min(minimize(negative, start, method="Nelder-Mead", options=options).fun for start in starts) / len(label)


def data(examples: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features, and the one-hot labels of three classes that depend on them."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(examples, width)) + 0.5
    classes = (features[:, :3] + rng.normal(size=(examples, 3))).argmax(1)
    return features, np.eye(3)[classes]


@pytest.mark.parametrize(("examples", "width"), [(30, 4), (12, 12), (10, 25)], ids=["tall", "square", "wide"])
def test_it_is_the_mean_of_the_highest_evidences(examples: int, width: int) -> None:
    features, labels = data(examples, width)
    expected = np.mean([highest_evidence(features, label) for label in labels.T])
    assert logme(features, labels) == pytest.approx(expected, abs=1e-5)


def test_features_that_explain_the_labels_have_more_evidence() -> None:
    features, labels = data(200, 6)
    other = np.random.default_rng(1).normal(size=features.shape) + 0.5
    assert logme(features, labels) > logme(other, labels) + 0.01


def test_features_of_zero_explain_nothing() -> None:
    """Then y ~ N(0, 1 / b) with 1 / b = mean of y^2 = 1 / 2: log evidence per example -(log(2 pi / 2) + 1) / 2."""
    labels = np.array([[1, 0], [0, 1]] * 5)
    assert logme(np.zeros((10, 3)), labels) == pytest.approx(-0.5 * (np.log(np.pi) + 1))


def test_labels_of_all_or_no_examples_do_not_count() -> None:
    features, labels = data(30, 4)
    more = np.column_stack([labels, np.zeros(30), np.ones(30)])
    assert logme(features, more) == logme(features, labels)
    assert np.isnan(logme(features, np.ones((30, 1))))
