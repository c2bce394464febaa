"""Whether the effects of a study follow from the scores beside them: tolerances between processors are wider.

The effect of an arm in one cell has to be the difference of two means of scores over seeds; every effect, the mean of
its values with each seed.
"""

import pandas as pd

from codestilts.columns import NONE

CELL = ["encoder", "target", "language"]
ROUNDED = 2e-4  # points: scores have six decimals, and are differences of two, times 100
ROUNDED_BY_SEED = 6e-4  # points: values with a seed have three decimals


def inconsistent(scores: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """Return the effects (rows of ``effects.csv``, as texts) that do not follow from the scores, or from their seeds.

    Returns:
        These rows, with the column ``follows``: the value that the effect should have.
    """
    value = pd.to_numeric(effects["effect"], errors="coerce")  # what is no number differs from what is expected
    parts = pd.to_numeric(effects["by_seed"].str.split().explode(), errors="coerce")
    seeds = parts.groupby(level=0).mean().where(parts.notna().groupby(level=0).all())
    should = seeds.where((seeds - value).abs() > ROUNDED_BY_SEED)
    of_cells = _in_cells(scores, effects)
    differs = (of_cells - value).abs() > ROUNDED
    should = of_cells.where(differs, should)
    return effects.assign(follows=should)[should.notna()]


def _in_cells(scores: pd.DataFrame, effects: pd.DataFrame) -> pd.Series:
    """Return the differences of mean scores, in points, for effects of an arm in one cell; NaN for all others.

    Of several metrics and checkpoints it is the nearest difference: the table does not say which ones are compared.
    """
    numbers = scores.assign(value=pd.to_numeric(scores["value"], errors="coerce"))
    means = numbers.groupby([*CELL, "arm", "metric", "checkpoint"], as_index=False)["value"].mean()
    none = means[means["arm"] == NONE].drop(columns="arm")
    both = means.merge(none, on=[*CELL, "metric", "checkpoint"], suffixes=("", "_none"))
    both["difference"] = 100 * (both["value"] - both["value_none"])
    cells = effects[(effects["kind"] == "arm") & (effects["scope_kind"] == "target")].reset_index(names="row")
    cells = cells.rename(columns={"scope": "target", "language_set": "language"})
    found = cells.merge(both[[*CELL, "arm", "difference"]], on=[*CELL, "arm"])
    found["distance"] = (found["difference"] - pd.to_numeric(found["effect"], errors="coerce")).abs()
    nearest = found.sort_values("distance").drop_duplicates("row").set_index("row")["difference"]
    return nearest.reindex(effects.index)
