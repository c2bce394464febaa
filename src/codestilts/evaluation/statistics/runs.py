"""Runs: which arms have been tested with which seeds, and on how many test rows and units."""

import pandas as pd

from codestilts.errors import CodeStiltsError

TRIVIAL = "trivial"  # the family of the trivial baselines, which have no encoder and no seeds
RUN_KEYS = ["target", "language", "arm", "family", "seed"]


def count_runs(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the test rows (``n``) and the units (``units``) of each run in each target and language."""
    return sums.groupby(RUN_KEYS, sort=True).agg(n=("n", "sum"), units=("unit", "nunique")).reset_index()


def trained_seeds(runs: pd.DataFrame) -> list[int]:
    """Return the seeds of the trained arms; if there are none, those of the trivial baselines."""
    trained = runs[runs["family"] != TRIVIAL]
    return sorted(int(number) for number in set(trained["seed"] if len(trained) else runs["seed"]))


def check_seeds(runs: pd.DataFrame, seeds: list[int]) -> None:
    """Check that every trained arm has every seed, in each target and language that it has.

    Raises:
        CodeStiltsError: An arm lacks one of the seeds.
    """
    trained = runs[runs["family"] != TRIVIAL]
    found = trained[trained["n"] > 0].groupby(["target", "language", "arm"], sort=True, observed=True)["seed"]
    present = {key: set(numbers) for key, numbers in found}
    for target, language, arm in sorted(trained[["target", "language", "arm"]].itertuples(index=False, name=None)):
        for seed in seeds:
            if seed not in present.get((target, language, arm), ()):
                raise CodeStiltsError(
                    f"scores of arm '{arm}', {target}, {language}: seed {seed} is missing: predict it"
                )
