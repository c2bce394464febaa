"""The exact sign-flip test: were the signs of the paired differences a matter of chance?"""

import itertools
from collections.abc import Sequence

import numpy as np

EXACT_LIMIT = 16


def sign_flip_p(differences: Sequence[float] | np.ndarray) -> float:
    """Two-sided p of the mean of paired differences under random signs; all 2^n signs are tried.

    The smallest possible p is 2 / 2^n: 0.25 with three pairs, 0.0625 with five. Beyond 16 pairs 2^16 fixed
    random sign vectors stand for all. No pairs give 1.
    """
    values = np.asarray(differences, dtype=float)
    if not len(values):
        return 1.0
    if len(values) <= EXACT_LIMIT:
        signs = np.array(list(itertools.product([1.0, -1.0], repeat=len(values))))
    else:
        signs = np.random.default_rng(0).choice([1.0, -1.0], size=(2**EXACT_LIMIT, len(values)))
        signs[0] = 1.0
    means = np.abs(signs @ values)
    return float(np.mean(means >= means[0] * (1 - 1e-12) - 1e-15))
