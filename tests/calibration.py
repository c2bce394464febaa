"""How often an interval excludes a true difference of zero: a simulation.

    python tests/calibration.py --seeds 3 5 10 --rho 0 0.8 --simulations 500

Two arms are equally good on average. Each problem suits one arm better than the other, by an amount that its versions
in the languages share in part (``rho``), as translations of one problem do; each seed varies independently. A 95 %
interval excludes zero in at most 5 of 100 studies if all versions of a problem are resampled together.
"""

import argparse

import numpy as np
import pandas as pd

from codestilts.evaluation.statistics.bootstrap import estimate
from codestilts.evaluation.statistics.means import mean_over
from codestilts.evaluation.statistics.resampling import resample

LANGUAGES, UNITS, ROWS = 6, 100, 2
SPREAD, SEED_SPREAD = 0.2, 0.01  # standard deviations of the difference by problem and by seed, as shares


def study(rng: np.random.Generator, seeds: int, rho: float) -> pd.DataFrame:
    """Sums of two arms, ``a`` and ``b``, without a true difference."""
    shape = (2, seeds, UNITS, LANGUAGES)
    names = ["arm", "seed", "unit", "language"]
    index = pd.MultiIndex.from_product([list("ab"), range(seeds), range(UNITS), range(LANGUAGES)], names=names)
    own = rng.normal(size=(2, 1, UNITS, LANGUAGES)) * np.sqrt(1 - rho)
    preference = SPREAD * (own + rng.normal(size=(2, 1, UNITS, 1)) * np.sqrt(rho))
    by_seed = SEED_SPREAD * rng.normal(size=(2, seeds, 1, 1))
    right = rng.binomial(ROWS, np.clip(0.5 + preference + by_seed, 0, 1), size=shape)
    table = index.to_frame(index=False).assign(numerator=right.ravel().astype(float), denominator=float(ROWS))
    table = table.astype({"unit": str, "language": str})
    return table.assign(encoder="e", family="code", target="t", label="", n=ROWS)


def false_positives(seeds: int, rho: float, simulations: int, resamples: int = 400, start: int = 0) -> float:
    """Return the share of studies whose interval excludes zero."""
    languages, count = [str(number) for number in range(LANGUAGES)], 0
    for simulation in range(start, start + simulations):
        cells = resample(study(np.random.default_rng([seeds, simulation]), seeds, rho), resamples, simulation)
        sides = [mean_over(cells, [arm], [["t"]], languages) for arm in "ab"]
        difference = estimate(cells, sides[0] - sides[1])
        count += difference is not None and (difference.low > 0 or difference.high < 0)
    return count / simulations


def main() -> None:
    """Print a table of shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 5, 10])
    parser.add_argument("--rho", type=float, nargs="+", default=[0.0, 0.8])
    parser.add_argument("--simulations", type=int, default=500)
    arguments = parser.parse_args()
    for rho in arguments.rho:
        for seeds in arguments.seeds:
            print(f"rho {rho}, {seeds} seeds: {false_positives(seeds, rho, arguments.simulations):.3f}", flush=True)


if __name__ == "__main__":
    main()
