"""How often an interval leaves out a difference of zero that is true: a simulation whose truth is known.

    python tests/calibration.py --seeds 3 5 10 --rho 0 0.8 --simulations 500

Two arms are equally good on average. Each problem suits one arm better than the other, by an amount that its versions
in the languages share in part (``rho``), as one problem that is translated does; each seed has luck of its own. An
interval of 95 % leaves out zero in at most 5 of 100 studies if problems that stand in several languages are drawn as
one.
"""

import argparse

import numpy as np
import pandas as pd

from codestilts.evaluation.statistics.bootstrap import estimate, resample
from codestilts.evaluation.statistics.contrasts import mean_over

LANGUAGES, UNITS, ROWS = 6, 100, 2
SPREAD, LUCK = 0.2, 0.01  # standard deviations of a problem's and of a seed's preference, as shares of right answers


def study(rng: np.random.Generator, seeds: int, rho: float) -> pd.DataFrame:
    """Sums of two arms, ``a`` and ``b``, without a true difference."""
    shape = (2, seeds, UNITS, LANGUAGES)
    names = ["arm", "seed", "unit", "language"]
    index = pd.MultiIndex.from_product([list("ab"), range(seeds), range(UNITS), range(LANGUAGES)], names=names)
    own = rng.normal(size=(2, 1, UNITS, LANGUAGES)) * np.sqrt(1 - rho)
    preference = SPREAD * (own + rng.normal(size=(2, 1, UNITS, 1)) * np.sqrt(rho))
    luck = LUCK * rng.normal(size=(2, seeds, 1, 1))
    right = rng.binomial(ROWS, np.clip(0.5 + preference + luck, 0, 1), size=shape)
    table = index.to_frame(index=False).assign(numerator=right.ravel().astype(float), denominator=float(ROWS))
    table = table.astype({"unit": str, "language": str})
    return table.assign(encoder="e", target="t", label="", n=ROWS)


def false_positives(seeds: int, rho: float, simulations: int, resamples: int = 400, start: int = 0) -> float:
    """The share of studies whose interval lies on one side of zero."""
    languages, count = [str(number) for number in range(LANGUAGES)], 0
    for simulation in range(start, start + simulations):
        cells = resample(study(np.random.default_rng([seeds, simulation]), seeds, rho), resamples, simulation)
        sides = [mean_over(cells, [arm], [["t"]], languages) for arm in "ab"]
        found = estimate(cells, sides[0] - sides[1])
        count += found is not None and (found.low > 0 or found.high < 0)
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
