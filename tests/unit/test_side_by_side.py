"""Two studies beside each other, from tables made by hand."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from codestilts.release.comparison import compare_snapshots
from codestilts.release.comparison_text import comparison_text
from codestilts.release.differences import have_same_settings_and_data
from codestilts.release.side_by_side import side_by_side_text
from codestilts.release.snapshot import Snapshot
from codestilts.release.tables import TABLES


def table(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    found = pd.DataFrame(rows).astype(str)
    return found.reindex(columns=list(dict.fromkeys([*TABLES[name].keys, *found])), fill_value="")


def study(encoder: str, difference: float, effects: dict[str, float], lacks: dict[str, Any] | None = None) -> Snapshot:
    """A study with one primary contrast, one claim and the effects of some arms."""
    interval = {"low": f"{difference - 1:.6f}", "high": f"{difference + 1:.6f}"}
    contrast = {"encoder": encoder, "plus": "code", "minus": "english", "role": "primary", "language_set": "unseen"}
    contrast |= {"difference": difference, "judgement": "better" if difference > 1 else "undecided", **interval}
    cells = {"encoder": encoder, "kind": "arm", "language_set": "unseen", "low": "", "high": ""}
    rows = [
        {**cells, "arm": arm, "scope": scope, "scope_kind": kind, "none": none, "effect": effect}
        for arm, effect in effects.items()
        for scope, kind, none in (("all groups", "all", "40.0"), ("match", "target", "55.5"))
    ]
    claim = {"claim": "domain", "encoder": encoder, "item": "", "verdict": "inconclusive", "value": difference}
    tables = {
        "contrasts": table("contrasts", [contrast, {**contrast, "role": "group", "difference": "9.0"}]),
        "claims": table("claims", [{**claim, **interval}]),
        "effects": table("effects", rows),
    }
    return Snapshot(Path(encoder), tables, (), {"seeds": "[0]"}, {"lacks": lacks or {}, "runs": 1, "of": 2})


TINY = study("tiny", 1.5, {"cloze": 0.5, "span": 2.0, "pos": -1.0})
LARGE = study("large", -0.25, {"cloze": 1.0, "span": -3.0, "error": 0.25})


def test_studies_with_other_encoders_are_beside_each_other() -> None:
    lines = side_by_side_text(TINY, LARGE, shown=2).splitlines()
    assert [line.rstrip() for line in lines] == [
        "contrasts (points):",
        "                              A                            B",
        "  code minus english, unseen  +1.50 [+0.50, +2.50] better  -0.25 [-1.25, +0.75] undecided",
        "",
        "claims:",
        "          A                                  B",
        "  domain  inconclusive +1.50 [+0.50, +2.50]  inconclusive -0.25 [-1.25, +0.75]",
        "",
        "effects over all groups (points), the largest differences first:",
        "         A      B",
        "  span   +2.00  -3.00",
        "  cloze  +0.50  +1.00",
        "  and 2 more",
        "",
        "scores of none:",
        "         A      B",
        "  match  55.50  55.50",
    ]


def test_arms_of_one_study_alone_are_last() -> None:
    lines = side_by_side_text(TINY, LARGE).splitlines()
    assert "  pos    -1.00  –" in lines and "  error  –      +0.25" in lines


def test_several_encoders_are_named() -> None:
    both = {name: pd.concat([TINY.tables[name], LARGE.tables[name]]) for name in TINY.tables}
    text = side_by_side_text(Snapshot(Path("both"), both, (), {}), LARGE)
    assert "tiny / code minus english, unseen   +1.50 [+0.50, +2.50] better     –" in text
    assert "large / code minus english, unseen  -0.25 [-1.25, +0.75] undecided  -0.25 [-1.25, +0.75] undecided" in text


@pytest.mark.parametrize("part", [0, 1])
def test_both_sides_of_a_comparison_are_treated_alike(part: int) -> None:
    """Also if one is a part of a study, which a release may be: the other one has more rows."""
    lacks = {"tiny / cloze": {"match": [1]}}
    sides = [TINY, study("tiny", 1.5, {"cloze": 0.5}, lacks)][:: -1 if part == 0 else 1]
    found = {one.name: one.cells["found"].tolist() for one in compare_snapshots(*sides, alike=True).tables}
    assert found["effects"] == ["additional" if part == 0 else "missing"] * 4
    assert found["contrasts"] == found["claims"] == []


def test_values_need_not_be_equal_if_settings_differ() -> None:
    other = Snapshot(TINY.folder, TINY.tables, (), {"seeds": "[1]"})
    assert have_same_settings_and_data(TINY, TINY) and not have_same_settings_and_data(TINY, other)
    text = comparison_text(compare_snapshots(TINY, other, alike=True), comparable=False)
    assert "values need not be equal, as settings or data differ" in text and "have to be" not in text
