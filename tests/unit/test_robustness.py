"""What the page says of other analyses of the primary contrast, and the labels of contrasts."""

from dataclasses import replace

import pandas as pd
import pytest
from test_contrasts import ARMS, LANGUAGES, SETTINGS, sums

from codestilts.config.analysis_settings import ComparedArm
from codestilts.display_names import contrast_label
from codestilts.evaluation.statistics.contrasts import contrasts
from codestilts.evaluation.statistics.design import design_of
from codestilts.evaluation.statistics.resampling import resample
from codestilts.reporting.answer import Row, rows
from codestilts.reporting.robustness import asked_again, leave_one_out, other_analyses


def row(method: str, judgement: str, low: float, high: float, **others: str) -> Row:
    found = {"method": method, "judgement": judgement, "verdict": f"it is {judgement}", "near": "left out"}
    return (
        found | {"low": low, "high": high, "difference": (low + high) / 2, "left_out": "", "left_out_kind": ""} | others
    )


def test_analyses_that_judge_otherwise_are_told_apart():
    primary = row("crossed_t", "equal", -0.5, 0.5)
    others = [
        row("targets_random", "equal", -0.6, 0.8),
        row("mixed_model", "undecided", -1.0, 1.2),
        row("crossed_t", "equal", -0.2, 0.2, left_out="mining search", left_out_kind="targets"),
        row("crossed_t", "equal", -0.3, 0.5, near="kept"),
    ]
    assert other_analyses(primary, others, 1.0) == (
        "Analyses with another verdict: mixed model: it is undecided (+0.1 [−1.0, +1.2]).",
        "Analyses with the same verdict: t over groups of targets: +0.1 [−0.6, +0.8]; without targets that "
        "fail their checks (mining, search): 0.0 [−0.2, +0.2]; with targets that share form and material: +0.1 "
        "[−0.3, +0.5].",
    )
    assert other_analyses(primary, [], 1.0) == ("", "")


def test_the_contrast_without_leaked_cells_is_among_the_other_analyses():
    cells = {"scope": "all groups", "language_set": "unseen"}
    primary = row("crossed_t", "better", 2.7, 3.7, role="primary", **cells)
    by_role = {
        "no overlap": [
            row("crossed_t", "equal", -0.9, 0.7, role="no overlap", **cells),
            row("crossed_t", "worse", -3.0, -2.0, role="no overlap", **(cells | {"language_set": "zero_shot"})),
        ],
        "sensitivity": [row("mixed_model", "better", 2.0, 4.0, role="sensitivity", **cells)],
    }
    differ, agree = other_analyses(primary, asked_again(primary, by_role), 1.0)
    assert differ == (
        "Analyses with another verdict: without arms on targets with which they share data or near-duplicates: "
        "it is equal (−0.1 [−0.9, +0.7])."
    )
    assert "mixed model" in agree


def test_the_range_without_one_names_what_is_left_out_and_other_verdicts():
    found = [
        row("crossed_t", judgement, value, value, left_out=name, left_out_kind=kind)
        for value, name, kind, judgement in [
            (0.4, "rust", "language", "undecided"),
            (-1.7, "classification", "group", "worse"),
            (2.4, "qa", "group", "undecided"),
        ]
    ]
    ends = "−1.7 (without classification) to +2.4 (without question answering)"
    without = "another verdict without classification (worse)"
    undecided = row("crossed_t", "undecided", -1.5, 0.5)
    assert leave_one_out(undecided, found, 1.0) == f"With one group of targets or language left out: {ends}; {without}."
    form = row("crossed_t", "undecided", 0.0, 0.0, left_out="cloze", left_out_kind="form")
    assert leave_one_out(undecided, [*found[:1], form], 1.0) == (
        "With one language or form left out: 0.0 (without the form cloze) to +0.4 (without Rust); "
        "the same verdict in all 2 cases."
    )
    assert leave_one_out(undecided, [], 1.0) == ""


def test_other_analyses_are_compared_with_the_verdict_before_the_correction():
    """The interval excludes zero, which Holm's correction undoes; the other analyses are not corrected."""
    primary = row("crossed_t", "undecided", 0.1, 2.1)
    others = [row("multi_bootstrap", "better", 0.2, 2.0), row("targets_random", "undecided", -0.5, 2.5)]
    assert other_analyses(primary, others, 1.0) == (
        "Analyses with another verdict (before the correction): t over groups of targets: it is undecided "
        "(+1.0 [−0.5, +2.5]).",
        "Analyses with the same verdict (before the correction): multi-bootstrap: +1.1 [+0.2, +2.0].",
    )
    left_out = row("crossed_t", "better", 0.1, 1.9, left_out="rust", left_out_kind="language")
    found = leave_one_out(primary, [left_out], 1.0)
    assert found.endswith("; the same verdict (before the correction) in all 1 cases.")


def test_an_analysis_without_an_interval_has_no_other_verdict():
    primary, nothing = row("crossed_t", "equal", -0.5, 0.5), float("nan")
    few = row("mixed_model", "", nothing, nothing) | {"verdict": "no verdict: 6 values are too few: 10 or more"}
    words = "Analyses without a verdict: mixed model: 6 values are too few: 10 or more."
    assert other_analyses(primary, [few], 1.0) == ("", words)
    one_seed = row("crossed_t", "", nothing, nothing)
    assert other_analyses(one_seed, [few], 1.0) == ("", words)
    left_out = one_seed | {"left_out": "qa", "left_out_kind": "group", "difference": 0.2}
    assert leave_one_out(one_seed, [left_out], 1.0).endswith("; no verdict in any case.")


@pytest.mark.parametrize("matched", [True, False])
def test_each_contrast_has_a_label_of_its_own(matched: bool):
    """Rows of one scope and one set of languages compare different things, and say so."""
    arms = ARMS | {"english-cloze": replace(ARMS["english-cloze"], overlaps=("match",))}
    arms |= {"slow": ComparedArm("variant", base="code-multi")}
    arms = arms if matched else {name: replace(arm, form=None) for name, arm in arms.items()}
    slow = sums().query("arm == 'code-multi'").assign(arm="slow", family="variant")
    scores = resample(pd.concat([sums(), slow]), 0, 0)
    table = contrasts(scores, design_of(replace(SETTINGS, arms=arms), LANGUAGES, "tiny"))
    shown = [row for row in rows(table) if row["role"] not in ("sensitivity", "leave one out")]
    labels = [(contrast_label(row), row["scope"], row["language_set"]) for row in shown]
    assert {"no overlap", "gain", "variant", "mixture"} <= {row["role"] for row in shown}
    assert len(set(labels)) == len(labels)


def test_a_gain_of_a_family_cannot_be_taken_for_a_confirmatory_one():
    sides = {"plus": "code", "minus": "none", "minus_kind": "arm", "form": ""}
    reference = contrast_label(sides | {"plus_kind": "domain", "role": "reference", "near": "left out"})
    where = "at equal form, in the cells of the primary contrast, without targets that share form and material"
    assert reference.endswith(f"training ({where})")
    gain = contrast_label(sides | {"plus_kind": "family", "role": "gain", "near": ""})
    assert gain == "code minus no intermediate training (whole family)"
