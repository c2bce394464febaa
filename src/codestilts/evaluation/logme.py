"""LogME, the logarithm of maximum evidence: how well features explain labels, without training on them.

A Bayesian linear model of a label y is y = Fw + noise, with w ~ N(0, 1/a) and noise ~ N(0, 1/b). LogME is the highest
logarithm of its evidence p(y | F, a, b) over a and b, divided by the number of examples (You et al. 2021, arXiv
2102.11005). For classes it is the mean over their one-hot labels.
"""

import numpy as np
from scipy.optimize import minimize_scalar

RATIOS = np.logspace(-12, 12, 97)  # of a / b, relative to the largest squared singular value of the features


def logme(features: np.ndarray, labels: np.ndarray) -> float:
    """Return LogME; NaN if no label is neither that of all examples nor that of none.

    The authors' algorithm alternates between a and b until they stay the same. The same maximum is found here in one
    dimension: for a given ratio t = a / b, the best b is known, so the evidence is a function of t alone.

    Args:
        features: One row per example.
        labels: 0 or 1 for each example (row) and label (column).
    """
    labels = labels[:, labels.any(0) & ~labels.all(0)].astype(float)
    if not labels.size:
        return float("nan")
    # Eigenvalues of F'F are the squared singular values of F, in a tenth of the time and without another matrix like F.
    features = features.astype(float)
    squares, directions = np.linalg.eigh(features.T @ features)
    there = squares > len(squares) * np.finfo(float).eps * squares.max()
    squares = squares[there]
    projected = (directions[:, there].T @ (features.T @ labels)) ** 2 / squares[:, None]
    outside = np.maximum((labels**2).sum(0) - projected.sum(0), 0)
    squares = squares / squares.max(initial=0)
    return float(np.mean([_most(squares, *label, len(labels)) for label in zip(projected.T, outside, strict=True)]))


def _most(squares: np.ndarray, projected: np.ndarray, outside: float, examples: int) -> float:
    """Return the highest log evidence per example of one label.

    Args:
        squares: Squared singular values of the features.
        projected: Squared products of the label with the left singular vectors.
        outside: The part of the label's squared length that no features explain.
        examples: The number of examples.
    """

    def missing(logarithm: float) -> float:
        ratio = np.exp(logarithm)
        noise = outside + (projected * (ratio / (ratio + squares))).sum()
        return 0.5 * (np.log(2 * np.pi * noise / examples) + 1 + np.log1p(squares / ratio).sum() / examples)

    grid = np.log(RATIOS)
    best = int(np.argmin([missing(logarithm) for logarithm in grid]))
    around = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    return -min(float(minimize_scalar(missing, bounds=around, method="bounded").fun), missing(grid[best]))
