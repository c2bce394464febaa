"""Heat maps of the page."""

import pandas as pd

from codestilts.reporting.heat_maps import contrast_map, language_order, mean_map, score_map


def test_a_cell_without_a_score_has_its_examples() -> None:
    """An encoder may not be trained on a target without intermediate training: only the rows are shown."""
    counts = pd.DataFrame(
        {"target": "tags", "language": ["go", "c"], "none": [41.26, None], "low": [40.0, None], "high": [42.0, None],
         "examples": [200, 150]}
    )  # fmt: skip
    ((target, (scored, empty)),) = score_map(counts, ["go", "c"]).rows
    assert (target, scored.text, scored.level) == ("tags", "41", 41)
    assert scored.detail.endswith("41.3 [40.0, 42.0] points, 200 test examples")
    assert (empty.text, empty.level) == ("", 0) and empty.detail.endswith("no score, 150 test examples")


def test_means_are_coloured_by_their_share_of_all_points_or_of_the_largest_difference() -> None:
    means = pd.DataFrame({"go": [40.0, -2.0], "c": [float("nan"), 1.0]}, index=["Python", "Java"])
    scores, changes = (mean_map(means, {"go": 2, "c": 1}, signed=signed) for signed in (False, True))
    assert scores.columns == ["go", "c"] and [name for name, _ in scores.rows] == ["Python", "Java"]
    ((go, no_cell), (lower, one)) = (cells for _, cells in changes.rows)
    assert (no_cell, lower.level, one.level) == (None, -5, 2) and one.text == "+1.0"
    assert go.detail == "Python to Go: +40.0 points, mean over 2 targets"
    assert scores.rows[1][1][1].detail == "Java to C: 1.0 points, mean over 1 target"
    assert [cell.level for cell in scores.rows[0][1] if cell] == [40]


def test_a_star_needs_the_corrected_p() -> None:
    """Both intervals exclude zero; the correction leaves the verdict of one."""
    sides = {"plus": "code", "plus_kind": "domain", "minus": "english", "minus_kind": "domain", "role": "cell"}
    cells = pd.DataFrame(
        {"scope": "tags", "language_set": ["go", "c"], "difference": [2.0, 1.0], "low": 0.1, "high": 3.0,
         "p": [0.001, 0.04], "p_bh": [0.002, 0.08], "judgement": ["better", "undecided"], "by_seed": ""}
    ).assign(**sides)  # fmt: skip
    ((_, (first, second)),) = contrast_map(cells, ["go", "c"]).rows
    assert (first.text, second.text) == ("+2.0*", "+1.0")
    assert "p = 0.040 (0.080 corrected)" in second.detail


def test_languages_without_a_similarity_are_shown_too() -> None:
    """Functions are extracted of languages with packages only; targets that are tables have others."""
    similarities = pd.DataFrame({"language": ["python", "rust", "go", "c"], "similarity": [1.0, 0.9, 0.8, 0.7]})
    assert language_order(similarities, ["german", "go", "c", "rust", "arabic"]) == [
        "rust",
        "go",
        "c",
        "arabic",
        "german",
    ]
    assert language_order(similarities.head(0), ["go", "c", "go"]) == ["c", "go"]
