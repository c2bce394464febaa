"""Which runs the report shows of several encoders, and of targets whose answer is generated."""

from pathlib import Path

import pytest

from codestilts.config.shown import browsed_runs, shown_runs
from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs

ROOT = Path(__file__).parents[2]


def read(name: str) -> Study:
    files = [ROOT / "config.yaml", ROOT / f"studies/{name}.yaml"]
    return load_study(read_configs(files), ROOT, files)


@pytest.mark.parametrize("name", ["lab", "paper"])
def test_targets_of_some_encoders_only_are_shown_with_one_of_these(name: str) -> None:
    """XQuAD in words is a target of XLM-R alone, while the first encoder of most arms is another one."""
    study = read(name)
    runs = shown_runs(study)
    arms = [arm for encoder, arm, target in runs if target == "xquad-generated"]
    assert arms[:1] == ["none"] and {"none-slow", "none-fast"} <= set(arms)
    assert {encoder for encoder, _, target in runs if target == "xquad-generated"} == {"xlm-r-base"}
    assert all(target in study.encoder_arms[encoder, arm] for encoder, arm, target in runs)


@pytest.mark.parametrize("name", ["lab", "paper", "generation"])
def test_every_arm_of_each_target_is_browsed_once(name: str) -> None:
    study = read(name)
    runs = browsed_runs(study)
    expected = {(arm, target) for (_, arm), targets in study.encoder_arms.items() for target in targets}
    assert sorted((arm, target) for _, arm, target in runs) == sorted(expected)
    assert all(target in study.encoder_arms[encoder, arm] for encoder, arm, target in runs)


def test_low_and_high_learning_rates_stand_side_by_side() -> None:
    runs = shown_runs(read("generation"))
    assert runs == [
        ("bert-tiny", arm, target) for target in ("describe", "complete") for arm in ("none", "slow", "fast")
    ]


def test_an_example_is_shown_with_no_and_both_families_of_intermediate_training() -> None:
    study = load_study(read_configs([ROOT / "config.yaml"]), ROOT)
    arms = [arm for _, arm, target in shown_runs(study) if target == "match"]
    assert arms == ["none", "code-multi", "english-multi"]
