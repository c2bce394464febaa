"""Which verdicts on claims may change within the tolerances of their numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from codestilts.evaluation.claims import rounded
from codestilts.evaluation.statistics.crossed_t import Variance, from_variance
from codestilts.provenance import write_json
from codestilts.release.claim_verdicts import uncertain_verdicts

SIDES = {"plus": {"domain": "code"}, "minus": {"domain": "english"}, "match_forms": True, "languages": "unseen"}
# The largest p of five items of ten that shows that five are positive: (10 - 5 + 1) p = .025 (Dror et al. 2017).
CRITICAL = float(stats.t.isf(0.025 / 6, 999)) * 0.1**0.5


def uncertain(
    folder: Path, values: list[float], allowed: float, p_holm: float = 0.5, difference: float = 99.0, **claim: Any
) -> list[bool]:
    """Whether the verdict on a claim about some values, with a standard error of sqrt(.1) each, may change."""
    estimates = [from_variance(np.full(3, value), Variance(3, 1000, 0.001, 0.1, 0.0015)) for value in values]
    rows = [{"item": f"i{number}" if len(values) > 1 else "", **rounded(one)} for number, one in enumerate(estimates)]
    about = {"claim": "own", "says": "x", "paper": "y", "study": "pocket", **SIDES, **claim}
    write_json(folder / "claims/own.json", about | {"results": [{"encoder": "tiny", "estimates": rows, "absent": []}]})
    table = pd.DataFrame(rows)[["item", "value"]].astype(str).assign(claim="own", encoder="tiny")
    fact = pd.DataFrame([{"claim": "fact", "encoder": "", "item": "", "value": ""}])
    sides = {"plus": "code", "plus_kind": "domain", "minus": "english", "minus_kind": "domain"}
    primary = {**sides, "encoder": "tiny", "role": "primary", "language_set": "unseen", "p_holm": str(p_holm)}
    primary["difference"] = f"{difference:.6f}"
    others = {**primary, "role": "reference"}
    tables = {
        "claims": pd.concat([fact, table], ignore_index=True),
        "contrasts": pd.DataFrame([primary, others, others]),
    }
    numbers = pd.DataFrame(allowed, range(len(rows) + 1), ["value", "low", "high"])
    tolerances = {"claims": numbers, "contrasts": pd.DataFrame({"p_holm": [0.01] * 3})}
    found = uncertain_verdicts(folder, tables, tolerances, 0.95).tolist()
    assert found[0] is False
    return found[1:]


@pytest.mark.parametrize(("allowed", "expected"), [(0.02, True), (0.002, False)])
def test_several_intervals_far_from_zero_may_decide_together(tmp_path: Path, allowed: float, expected: bool) -> None:
    values = [CRITICAL + 0.005] * 5 + [0.1] * 5
    found = uncertain(tmp_path, values, allowed, kind="u_of_n", each="language", least=5)
    assert found == [expected] * 10


@pytest.mark.parametrize(
    ("value", "claim", "expected"),
    [(0.625, {"kind": "positive"}, True),  # the interval begins at .625 - 1.962 sqrt(.1) = .004
     (0.7, {"kind": "positive"}, False),
     (0.375, {"kind": "equivalent", "margin": 1.0}, True),  # it ends at .995
     (0.0, {"kind": "equivalent", "margin": 1.0}, False),
     (2.615, {"kind": "at_least", "value": 2.0}, True),  # it begins at 1.994
     (3.0, {"kind": "at_least", "value": 2.0}, False)],
)  # fmt: skip
def test_an_end_of_an_interval_near_a_limit_may_pass_it(
    tmp_path: Path, value: float, claim: dict[str, Any], expected: bool
) -> None:
    assert uncertain(tmp_path, [value], 0.01, **claim) == [expected]


def test_a_claim_about_the_primary_contrast_may_change_with_its_corrected_p(tmp_path: Path) -> None:
    assert uncertain(tmp_path, [2.0], 0.01, p_holm=0.055, difference=2.0, kind="positive") == [True]
    assert uncertain(tmp_path, [2.0], 0.01, p_holm=0.07, difference=2.0, kind="positive") == [False]
    assert uncertain(tmp_path, [2.0], 0.01, p_holm=0.055, difference=1.0, kind="positive") == [False]  # other cells


# With 999 degrees of freedom, t(1 - .025 / 3) = 2.39802: Bonferroni's interval of three contrasts begins at 2.759 -
# 2.39802 sqrt(.1) = 2.0007, the interval without a correction at 2.138.
@pytest.mark.parametrize(("difference", "expected"), [(2.759, [True]), (99.0, [False])])
def test_a_claim_about_the_size_of_the_primary_contrast_may_change_with_its_corrected_interval(
    tmp_path: Path, difference: float, expected: list[bool]
) -> None:
    about: dict[str, Any] = {"kind": "at_least", "value": 2.0, "p_holm": 0.049, "difference": difference}
    assert uncertain(tmp_path, [2.759], 0.01, **about) == expected
