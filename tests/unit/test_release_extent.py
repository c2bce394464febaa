"""How far a study was run, and which part of it has tables."""

from types import SimpleNamespace
from typing import Any

import pytest

from codestilts.release.extent import Run, finished_part

TARGETS = ["match", "tags", "search"]


@pytest.mark.parametrize(
    ("done", "batches", "targets"),
    [
        ({"0": TARGETS, "1": TARGETS}, ["0", "1"], TARGETS),
        ({"1": TARGETS[:2], "0": TARGETS[:2]}, ["0", "1"], TARGETS[:2]),  # one target was never run: 4 runs
        ({"0": TARGETS, "1": TARGETS[:1]}, ["0"], TARGETS),  # 3 runs; both batches with one target are 2
        ({"0": TARGETS[:2], "1": TARGETS[:1]}, ["0", "1"], TARGETS[:1]),  # 2 runs each way: more seeds
        ({"2": TARGETS[:2], "0": TARGETS[1:]}, ["2", "0"], TARGETS[1:2]),  # 2 runs each way
        ({}, [], []),
    ],
)
def test_the_finished_part_has_the_most_runs(
    done: dict[str, list[str]], batches: list[str], targets: list[str]
) -> None:
    study: Any = SimpleNamespace(
        batches={"0": [0], "1": [1], "2": [2]},
        encoder_arms={("tiny", "none"): TARGETS, ("tiny", "pos"): TARGETS},
    )
    files: list[Run] = [("tiny", "none", target, seeds) for seeds, own in done.items() for target in own]
    found, compared = finished_part(study, [*files, ("tiny", "pos", "match", "2")])
    assert (sorted(found), compared) == (sorted(batches), {("tiny", target) for target in targets})


def test_batches_count_with_their_seeds() -> None:
    """A batch of one seed with three targets is 3 runs, one of four seeds with one target 4."""
    study: Any = SimpleNamespace(batches={"0": [0], "1-4": [1, 2, 3, 4]}, encoder_arms={("tiny", "none"): TARGETS})
    files: list[Run] = [("tiny", "none", target, "0") for target in TARGETS]
    assert finished_part(study, files)[0] == ["0"]
    found, compared = finished_part(study, [*files, ("tiny", "none", "tags", "1-4")])
    assert set(found) == {"0", "1-4"} and compared == {("tiny", "tags")}
