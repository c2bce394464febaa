"""Settings of the analysis: each object holds what decides its job's outputs, so that other changes rerun nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import TypeAdapter

from codestilts.config import analysis_jobs
from codestilts.config.analysis_settings import ComparisonSettings, ReportSettings
from codestilts.config.settings_json import to_json
from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.evaluation.statistics.design import design_of
from codestilts.evaluation.statistics.questions import questions

ROOT = Path(__file__).parents[2]
STUDIES = {"pocket": ["config.yaml"], "paper": ["config.yaml", "studies/paper.yaml"]}
NO_LANGUAGES = pd.DataFrame({"language": [], "near": []})


def load(name: str, **changes: Any) -> Study:
    files = [ROOT / file for file in STUDIES[name]]
    return load_study({**read_configs(files), **changes}, ROOT, files)


@pytest.fixture(scope="module")
def pocket() -> Study:
    return load("pocket")


@pytest.mark.parametrize(
    "changes",
    [
        {"arms": ["none", "cloze", "code-multi", "english-multi"]},  # an arm more, others less
        {"languages": ["python", "javascript", "c"]},
        {"targets": ["match", "tags", "search"]},
    ],
)
def test_an_arm_or_a_language_changes_no_other_arms_score(pocket: Study, changes: dict[str, Any]) -> None:
    before = analysis_jobs.score_settings(pocket, "bert-tiny", "code-multi")
    after = analysis_jobs.score_settings(load("pocket", **changes), "bert-tiny", "code-multi")
    assert {name: before.targets[name] for name in after.targets} == after.targets
    if "targets" not in changes:
        assert to_json(before) == to_json(after)


def test_labels_are_no_part_of_the_comparison(pocket: Study) -> None:
    assert "labels" not in to_json(analysis_jobs.comparison_settings(pocket))
    assert "seen" not in to_json(analysis_jobs.score_settings(pocket, "bert-tiny", "none"))


def test_settings_read_back_as_they_were_written(pocket: Study) -> None:
    comparison, report = analysis_jobs.comparison_settings(pocket), analysis_jobs.report_settings(pocket)
    assert TypeAdapter(ComparisonSettings).validate_json(to_json(comparison)) == comparison
    assert TypeAdapter(ReportSettings).validate_json(to_json(report)) == report


@pytest.mark.parametrize("name", STUDIES)
def test_every_control_is_compared_with_the_families_that_its_definition_names(name: str) -> None:
    settings = analysis_jobs.comparison_settings(load(name))
    asked = questions(design_of(settings, NO_LANGUAGES, next(iter(settings.pretraining_languages))))
    controls = {(question.minus.name, question.plus.name) for question in asked if question.role == "control"}
    declared = {(arm, family) for arm, fields in settings.arms.items() for family in fields.controls_for}
    assert controls == declared and declared
    # What a control is called changes nothing.
    renamed = replace(settings, arms={f"x{arm}" if arm != "none" else arm: f for arm, f in settings.arms.items()})
    again = questions(design_of(renamed, NO_LANGUAGES, next(iter(settings.pretraining_languages))))
    assert len(again) == len(asked)
