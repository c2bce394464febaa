"""How often intervals exclude a true difference, and hold one: simulated studies whose truth is known.

    PYTHONPATH=src python tests/calibration.py            # the table of docs/statistics.md, some minutes
    PYTHONPATH=src python tests/calibration.py --simulations 200 --bootstraps 50

Two arms answer ROWS test rows of each of UNITS units in each of LANGUAGES languages with each seed. The probability of
a right answer is 1/2 plus what the unit prefers of an arm in a language, plus what the seed does to an arm in all
languages. In the designs ``shared``, a unit stands in all languages, and its preferences there correlate; in the
others, every language has units of its own. A collapsed run answers as badly everywhere.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from codestilts.evaluation.statistics.bootstrap import _interval, _spread
from codestilts.evaluation.statistics.crossed_t import Variance, from_variance
from codestilts.evaluation.statistics.resampling import _seed_weights

LANGUAGES, UNITS, ROWS = 6, 100, 2
BADLY = 0.3  # the probability of a right answer in a collapsed run
EFFECT = 0.02  # the true difference where coverage is measured, as a share
DRAWS = 200  # of the multi-bootstrap, the fewest that it accepts
BATCH = 250  # studies that are simulated at a time
SEEDS = (3, 5, 10)


@dataclass(frozen=True)
class Simulated:
    """A kind of study; spreads are standard deviations, as shares."""

    preference: float = 0.2  # of units
    luck: float = 0.014  # of seeds
    rho: float = 0.0  # correlation of a unit's preferences in two languages
    shared: bool = False  # whether units stand in all languages
    collapsed: float = 0.0  # the share of runs

    @property
    def units(self) -> int:
        """The number of different units."""
        return UNITS if self.shared else UNITS * LANGUAGES

    def truth(self, effect: float) -> float:
        """The true difference, in points; probabilities outside 0 and 1 are cut off."""
        z = norm.ppf((np.arange(20_000) + 0.5) / 20_000) * np.hypot(self.preference, self.luck)
        means = [np.clip(0.5 + lift + z, 0, 1).mean() for lift in (effect, 0.0)]
        return 100 * (1 - self.collapsed) * float(means[0] - means[1])


DESIGNS = {
    "balanced": Simulated(),
    "seeds dominate": Simulated(luck=0.05),
    "test set dominates": Simulated(luck=0.002),
    "shared problems, ρ = .5": Simulated(luck=0.01, rho=0.5, shared=True),
    "shared problems, ρ = .8": Simulated(luck=0.01, rho=0.8, shared=True),
    "10 % collapsed runs": Simulated(luck=0.01, collapsed=0.1),
}


def answers(design: Simulated, seeds: int, studies: int, effect: float, rng: np.random.Generator) -> np.ndarray:
    """Return the share of right answers: (studies, arms, seeds, units, languages)."""
    own, common = rng.normal(size=(studies, 2, 1, UNITS, LANGUAGES)), rng.normal(size=(studies, 2, 1, UNITS, 1))
    preference = design.preference * (np.sqrt(1 - design.rho) * own + np.sqrt(design.rho) * common)
    luck = design.luck * rng.normal(size=(studies, 2, seeds, 1, 1))
    lift = np.array([effect, 0.0]).reshape(1, 2, 1, 1, 1)
    chance = (0.5 + lift + preference).astype(np.float32) + luck.astype(np.float32)
    chance = np.where(rng.random((studies, 2, seeds, 1, 1)) < design.collapsed, np.float32(BADLY), chance)
    return sum(rng.random(chance.shape, dtype=np.float32) < chance for _ in range(ROWS)) / np.float32(ROWS)


def sums(right: np.ndarray, shared: bool) -> pd.DataFrame:
    """Return the sums of one study, as ``score`` writes them."""
    names = ["arm", "seed", "unit", "language"]
    index = pd.MultiIndex.from_product([list("ab"), *map(range, right.shape[1:])], names=names)
    table = index.to_frame(index=False).astype({"unit": str, "language": str})
    table = table.assign(numerator=ROWS * right.ravel(), denominator=float(ROWS), n=ROWS, label="", target="t")
    table["unit"] = table["unit"] if shared else table["language"] + "-" + table["unit"]
    return table.assign(encoder="e", family="code")


def variances(right: np.ndarray, design: Simulated) -> Iterator[tuple[np.ndarray, Variance]]:
    """Yield the difference with each seed, and the parts of its variance, of each study.

    All cells have the same size, so that this is crossed t without its bookkeeping; a test compares the two.
    """
    difference = 100 * (right[:, 0] - right[:, 1]).astype(float)
    by_seed = difference.mean(axis=(2, 3))
    seeds, units = by_seed.shape[1], design.units
    influence = (difference - difference.mean(axis=2, keepdims=True)) / (UNITS * LANGUAGES)
    influence = influence.sum(axis=3) if design.shared else influence.reshape(len(difference), seeds, -1)
    means = influence.mean(axis=1, keepdims=True)
    of_units = units / (units - 1) * (means**2).sum(axis=(1, 2))
    of_both = units / (units - 1) * ((influence - means) ** 2).sum(axis=(1, 2)) / (seeds * (seeds - 1))
    of_seeds = by_seed.var(axis=1, ddof=1) / seeds
    for row, parts in zip(by_seed, zip(of_seeds, of_units, of_both, strict=True), strict=True):
        yield row, Variance(seeds, units, *map(float, parts))


def multi_bootstrap(right: np.ndarray, design: Simulated, rng: np.random.Generator) -> tuple[float, float]:
    """Return the multi-bootstrap's interval of one study: one weight per unit, wherever it stands."""
    difference = 100 * (right[0] - right[1])
    seeds = len(difference)
    weights = rng.standard_exponential((1 + DRAWS, UNITS, 1 if design.shared else LANGUAGES))
    weights[0] = 1
    by_seed = np.stack(
        [
            (weights[:, :, 0 if design.shared else k] @ difference[:, :, k].T)
            / weights[:, :, 0 if design.shared else k].sum(axis=1, keepdims=True)
            for k in range(LANGUAGES)
        ]
    ).mean(axis=0)
    draws = (by_seed * _seed_weights(seeds, DRAWS, rng)).sum(axis=1)
    ordered = np.sort(draws[1:])
    return _interval(float(draws[0]), ordered, _spread(by_seed[0], ordered, UNITS), 0.95)


def rates(design: Simulated, seeds: int, simulations: int, bootstraps: int, start: int = 0) -> dict[str, float]:
    """Return the share of intervals that exclude a true difference of zero, and of those that hold a true one."""
    found: dict[str, list[bool]] = {name: [] for name in ("type_1", "coverage", "boot_type_1", "boot_coverage")}
    for effect, prefix in ((0.0, "type_1"), (EFFECT, "coverage")):
        truth = design.truth(effect)
        for batch in range(0, simulations, BATCH):
            rng = np.random.default_rng([start, seeds, batch, int(effect * 1000)])
            right = answers(design, seeds, min(BATCH, simulations - batch), effect, rng)
            for number, (by_seed, variance) in enumerate(variances(right, design)):
                interval = from_variance(by_seed, variance)
                found[prefix].append((interval.low <= truth <= interval.high) == bool(effect))
                if batch + number < bootstraps:
                    low, high = multi_bootstrap(right[number], design, rng)
                    found[f"boot_{prefix}"].append((low <= truth <= high) == bool(effect))
    return {name: float(np.mean(values)) if values else np.nan for name, values in found.items()}


def main() -> None:
    """Print the table of docs/statistics.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--bootstraps", type=int, default=500, help="of the simulations: of the multi-bootstrap")
    arguments = parser.parse_args()
    print("| design | seeds | type-I error | coverage | type-I error (multi-bootstrap) | coverage (multi-bootstrap) |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, design in DESIGNS.items():
        for seeds in arguments.seeds:
            row = rates(design, seeds, arguments.simulations, arguments.bootstraps)
            cells = " | ".join(f"{value:.3f}".lstrip("0") for value in row.values())
            print(f"| {name} | {seeds} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
