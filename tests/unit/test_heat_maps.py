"""Heat maps of the page."""

import pandas as pd

from codestilts.reporting.heat_maps import score_map


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
