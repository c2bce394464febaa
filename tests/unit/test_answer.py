"""The answer of a study in sentences: no more than its intervals allow."""

import pandas as pd
import pytest

from codestilts.reporting.answer import (
    Row,
    across_encoders,
    by_control,
    by_group,
    headline,
    largest_gain,
    lost_to_correction,
)


def contrast(plus: str, minus: str) -> dict[str, str]:
    return {"plus": plus, "plus_kind": "family", "minus": minus, "minus_kind": "family"}


def judged_row(judgement: str, value: float, low: float, high: float, **others: object) -> Row:
    row = contrast("code", "english") | {"difference": value, "low": low, "high": high, "judgement": judgement}
    return row | {"verdict": f"it is {judgement}", "detectable": 2.04, "power_by_seeds": "", "to_decide": ""} | others


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (1.5, 2, "Training on code is better than on English."),
        (0.5, 2, "code is better than on English, perhaps by less than 1 point."),
        (0.1, 0.9, "code is better than on English, by less than 1 point."),
        (-3, -0.1, "code is worse than on English, perhaps by less than 1 point."),
        (-0.5, 0.9, "Between code and English there is no difference of 1 point or more."),
        (-2, 3, "cannot tell"),
        (float("nan"), float("nan"), "There is no verdict on training on code minus training on English: no variance."),
    ],
)
def test_the_headline_says_no_more_than_the_interval(low: float, high: float, words: str):
    row = contrast("code", "english") | {"low": low, "high": high}
    assert words in headline(row, 1.0) and "help" not in headline(row, 1.0)


@pytest.mark.parametrize(
    ("code", "english", "words"),
    [
        ((-3, -2), (-4, -1), "neither helps: compared with no intermediate training, both are worse"),
        (
            (2, 3),
            (-4, -1),
            "on code helps: compared with no intermediate training, code is better, and English is worse, perhaps",
        ),
        (
            (-2, 3),
            (0.1, 0.4),
            "on English helps: compared with no intermediate training, code may be better or worse, and English is",
        ),
        ((-2, 3), (-3, 2), "neither is shown to help: compared with no intermediate training, both may be better or"),
        (
            (-0.5, 0.5),
            (-0.2, 0.2),
            "neither is shown to help: compared with no intermediate training, both make no difference of",
        ),
        (
            (-0.5, 0.5),
            (-2, 2),
            "neither is shown to help: compared with no intermediate training, code makes no difference of 1 point or",
        ),
        ((2, 3), (1.5, 4), "on both helps: compared with no intermediate training, both are better;"),
        ((2, 3), (1, 4), "both are better, English perhaps by less than 1 point;"),
        ((0.2, 0.8), (0.1, 0.9), "both are better, by less than 1 point;"),
        ((-0.9, -0.1), (-3, -0.1), "both are worse, code by less than 1 point, English perhaps by less than 1 point;"),
        ((0.2, 0.8), (-3, -2), "code is better, by less than 1 point, and English is worse;"),
    ],
)
def test_the_headline_compares_both_families_with_none(code: tuple, english: tuple, words: str):
    sides = {"code": code, "english": english}
    references = [
        contrast(name, "none") | {"minus_kind": "arm", "low": low, "high": high} for name, (low, high) in sides.items()
    ]
    text = headline(contrast("code", "english") | {"low": 2.0, "high": 3.0}, 1.0, references)
    assert text.startswith("At this scale ") and words in text
    assert text.endswith("; training on code is better than on English.") and text.count(".") == 1, "one sentence"


def test_nothing_helps_that_the_correction_leaves_undecided():
    row = contrast("code", "none") | {"minus_kind": "arm", "low": 0.1, "high": 3.0, "judgement": "undecided"}
    text = headline(contrast("code", "english") | {"low": -1.0, "high": 3.0}, 1.0, [row])
    assert "intermediate-task training on code is not shown to help" in text, "of one side, which is all there is"
    assert "code may be better or worse; this study cannot tell" in text


def test_the_headline_says_on_what_there_is_no_verdict():
    none, known = (
        {"minus_kind": "arm", "low": float("nan"), "high": float("nan")},
        {"minus_kind": "arm", "low": -3, "high": -2},
    )
    code, english = contrast("code", "none"), contrast("english", "none")
    primary = contrast("code", "english") | {"low": 2.0, "high": 3.0}
    text = headline(primary, 1.0, [code | none, english | known])
    assert "neither is shown to help: compared with no intermediate training, there is no verdict on code and" in text
    assert "English is worse" in text
    assert headline(primary, 1.0, [code | none, english | none]) == "Training on code is better than on English."
    assert "intermediate-task training on code does not help: " in headline(primary, 1.0, [code | known])
    few = primary | {"low": float("nan"), "high": float("nan"), "note": "2 units are too few: 10 or more"}
    text = headline(few, 1.0, [code | known, english | known])
    assert text.startswith("At this scale neither helps: ") and text.endswith(
        "on English: 2 units are too few: 10 or more."
    )


def test_an_interval_that_excludes_zero_says_why_it_decides_nothing():
    words = "undecided after the correction for 3 confirmatory contrasts (without it: code is better than English)"
    row = {"low": 0.1, "high": 3.0, "judgement": "undecided", "verdict": words}
    assert lost_to_correction(row) == words
    assert lost_to_correction(row | {"judgement": "equal", "high": 0.9}) == words
    assert lost_to_correction(row | {"judgement": "better"}) == ""
    assert lost_to_correction(row | {"low": -0.1}) == ""
    assert lost_to_correction(row | {"low": "", "high": ""}) == ""


def test_several_encoders_have_one_sentence_for_all():
    intervals = {"a": (1.5, 2), "b": (-2, 3), "c": (2, 3), "d": (-3, -1), "e": (-0.5, 0.5), "f": ("", "")}
    rows: dict[str, Row | None] = {
        name: contrast("code", "english") | {"low": low, "high": high} for name, (low, high) in intervals.items()
    }
    assert across_encoders({**rows, "g": None}, 1.0) == (
        "Of 7 encoders: with a, c training on code is better than on English; with d training on code is worse than on "
        "English; with e there is no difference of 1 point or more between code and English; with b the study cannot "
        "tell whether code or English is better; with f, g there is no verdict."
    )
    assert across_encoders({"a": rows["a"]}, 1.0) == across_encoders({"a": None, "b": None}, 1.0) == ""
    corrected = {name: {**(row or {}), "judgement": "undecided"} for name, row in rows.items() if name in "ac"}
    assert across_encoders(corrected, 1.0).startswith("Of 2 encoders: with a, c the study cannot tell")


def test_the_largest_gain_is_that_of_any_arm():
    columns = ["arm", "kind", "family", "scope", "language_set", "effect", "init"]
    values = [
        ["random", "arm", "control", "all groups", "unseen", 8.0, "random"],
        ["code", "family", "code", "all groups", "unseen", 9.0, "pretrained"],
        ["mlm-english", "arm", "control", "all groups", "unseen", 2.1, "pretrained"],
        ["pos", "arm", "english", "all groups", "unseen", -1.0, "pretrained"],
        ["pos", "arm", "english", "qa", "unseen", 5.0, "pretrained"],
        ["pos", "arm", "english", "all groups", "source", 6.0, "pretrained"],
    ]
    row = largest_gain(pd.DataFrame(values, columns=columns), "unseen")
    assert row and (row["arm"], row["effect"]) == ("mlm-english", 2.1)


def test_groups_have_the_verdicts_of_the_table_decided_ones_first():
    """An interval that contains zero may exclude a difference of interest; one that excludes zero may be undecided."""
    table = [
        judged_row(
            "undecided", 2.0, 0.1, 3.9, scope="retrieval", power_by_seeds="3: 0.14, 5: 0.69", to_decide="9 seeds"
        ),
        judged_row("equal", 0.1, -0.5, 0.7, scope="structured"),
        judged_row("worse", -2.0, -3.0, -1.0, scope="qa"),
        judged_row("", 1.0, float("nan"), float("nan"), scope="classification"),
    ]
    assert by_group(table, 1.0) == [
        "question answering: it is worse (−2.0 [−3.0, −1.0])",
        "structured prediction: it is equal (+0.1 [−0.5, +0.7])",
        "retrieval: it is undecided (+2.0 [+0.1, +3.9]); detectable with a power of .8: 2.0 points; power to find 1 "
        "point with 3, 5 seeds: 0.14, 0.69; 9 seeds would decide, if the difference stays as it is",
        "classification: it is ",
    ]


def test_each_side_of_the_contrast_has_the_verdicts_on_its_controls():
    control = {"minus": "mlm", "minus_kind": "arm"}
    table = [
        judged_row("worse", -2.1, -2.9, -1.4, **control) | {"plus": "english"},
        judged_row("equal", 0.0, -0.1, 0.1, **control),
        judged_row("better", 9.0, 8.0, 10.0, **control) | {"plus": "docs"},
    ]
    assert [row["text"] for row in by_control(table, ["code", "english"], 1.0)] == [
        "code minus mlm: it is equal (0.0 [−0.1, +0.1])",
        "English minus mlm: it is worse (−2.1 [−2.9, −1.4])",
    ]
