"""Which verdicts on claims could be others within the tolerances of their numbers."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from codestilts.evaluation.claims import judge, restored, widened
from codestilts.evaluation.claims_table import claim_of, sign_of_primary
from codestilts.evaluation.statistics.crossed_t import Estimate
from codestilts.job_files import read_json

NUMBERS = ("value", "low", "high")
# An interval may move down or up, or become wider or narrower: what its lower and its upper end do.
MOVES = [(0, 0), (-1, -1), (1, 1), (-1, 1), (1, -1)]


def uncertain_verdicts(
    results: Path,
    tables: Mapping[str, pd.DataFrame],
    tolerances: Mapping[str, pd.DataFrame],
    confidence: float,
) -> pd.Series:
    """Return for each row of the table of claims whether rounding may change its verdict.

    It may if :func:`codestilts.evaluation.claims.judge` decides otherwise when all of a claim's numbers move by their
    tolerances. A claim about the primary contrast has Bonferroni's interval; if it says that the contrast is positive,
    the verdict may also change if the corrected p is within its tolerance of the level.

    Args:
        results: The folder of results, with a file for each claim.
        tables: The tables of the study, as texts.
        tolerances: The tolerances of the tables' numbers, in the order of their rows.
        confidence: The confidence of intervals.
    """
    rows = tables["claims"]
    allowed = tolerances["claims"][list(NUMBERS)].set_axis(rows.index).fillna(0.0)
    primary = _near_the_level(tables["contrasts"], tolerances["contrasts"], 1 - confidence)
    number = int((tables["contrasts"]["p_holm"] != "").sum())
    uncertain = pd.Series(False, rows.index)
    for (name, encoder), part in rows[rows["value"] != ""].groupby(["claim", "encoder"], sort=False):
        about = read_json(results / "claims" / f"{name}.json")
        (result,) = [one for one in about["results"] if one["encoder"] == encoder]
        by_item = allowed.loc[part.index].set_axis(part["item"]).T.to_dict()
        moved = [list(_moved(result, by_item, move, confidence)) for move in MOVES]
        near_level = [
            near for row, near in primary if row["encoder"] == encoder and sign_of_primary(about, result, row)
        ]
        if near_level and about["kind"] != "positive":
            moved = [[widened(one, number) for one in estimates] for estimates in moved]
        verdicts = {judge(claim_of(about), estimates)[0] for estimates in moved}
        uncertain[part.index] = len(verdicts) > 1 or (about["kind"] == "positive" and any(near_level))
    return uncertain


def _moved(
    result: dict[str, Any], allowed: Mapping[Any, Mapping[Any, float]], move: tuple[int, int], confidence: float
) -> Iterable[Estimate]:
    """Yield the estimates of a claim, their intervals moved by their tolerances; those of items without data last."""
    down, up = move
    for row in result["estimates"]:
        by, one = allowed[row["item"]], restored(row, confidence)
        yield replace(
            one,
            value=one.value + by["value"] * (down if down == up else 0),
            low=one.low + by["low"] * down,
            high=one.high + by["high"] * up,
        )
    for name in result.get("absent", []):
        yield Estimate(math.nan, math.nan, math.nan, math.nan, (), f"no data: {name}", confidence=confidence)


def _near_the_level(contrasts: pd.DataFrame, allowed: pd.DataFrame, level: float) -> list[tuple[dict[str, Any], bool]]:
    """Return the primary contrast of each encoder, and whether its corrected p is within its tolerance of a level."""
    chosen = (contrasts["role"] == "primary").to_numpy()
    p = pd.to_numeric(contrasts.loc[chosen, "p_holm"], errors="coerce").to_numpy(float)
    near = np.abs(p - level) <= allowed["p_holm"].to_numpy(float)[chosen]
    rows = [{str(key): value for key, value in row.items()} for row in contrasts[chosen].to_dict("records")]
    return list(zip(rows, near.tolist(), strict=True))
