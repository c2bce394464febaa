"""The figure of the benchmark of planning."""

from pathlib import Path

import measures
import pandas as pd
import pytest
from matplotlib.figure import Figure


def test_planning_is_drawn_as_medians_against_the_number_of_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(measures, "OUT", tmp_path)
    monkeypatch.setattr(measures.plt, "close", drawn.append)
    rows = [("study", 1000, value, 200) for value in (3, 4, 8)] + [("study", 9000, 18, 500)]
    rows += [("plain workflow", 1000, 2, 90), ("plain workflow", 9000, 9, 250)]
    measures.draw_planning(pd.DataFrame(rows, columns=["workflow", "jobs", "CPU s", "MB"]))
    assert {path.name for path in tmp_path.iterdir()} == {"planning.svg", "planning.csv"}
    assert len(pd.read_csv(tmp_path / "planning.csv")) == 6
    seconds, memory = (
        [points for line in axis.lines if line.get_marker() in ("o", "X") and (points := line.get_xydata().tolist())]
        for axis in drawn[0].axes
    )  # the legend has empty lines
    assert seconds == [[[1000, 4], [9000, 18]], [[1000, 2], [9000, 9]]], "4 is the median of 3, 4 and 8"
    assert memory == [[[1000, 200], [9000, 500]], [[1000, 90], [9000, 250]]]
