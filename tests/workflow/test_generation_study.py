"""A study of generation from packages to the report: a few rows, a few steps."""

import json
from pathlib import Path

import packages
import pandas as pd
import pytest
import yaml
from projects import copy_project, snakemake

from codestilts.evaluation.output_language import CANDIDATES
from codestilts.reporting.run_records import tried_rates

STUDY = {
    "study": "generated",
    "arms": ["none", "slow", "lora"],
    "targets": ["describe", "complete", "repair"],
    "languages": ["python", "javascript", "invented"],
    "intermediate": {"learning_rates": [], "held_out_texts": [], "trial_targets": []},
    "target": {"tasks": {}, "learning_rates": [5.0e-4, 5.0e-3], "trial_tests": True},
    "definitions": {
        "arms": {
            "slow": {"family": "variant", "base": "none", "target_learning_rate_factor": 0.1},
            "lora": {"family": "variant", "base": "none", "method": "lora"},
        }
    },
}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a finished study of generation."""
    folder = copy_project(tmp_path_factory.mktemp("generated"))
    packages.make(folder)
    (folder / "generated.yaml").write_text(yaml.safe_dump(STUDY))
    run = snakemake(folder, configs=["micro.yaml", "generated.yaml"])
    assert run.returncode == 0, run.stdout[-3000:]
    return folder / "results/generated"


def test_predictions_say_what_was_asked_and_in_which_language_the_output_is(generated: Path) -> None:
    for target, columns in (("complete", ["python", "javascript", "invented"]), ("describe", ["english"])):
        rows = pd.read_parquet(generated / f"predictions/tiny/none/{target}/0-1.parquet")
        assert set(rows["output_language"]) == set(columns)
        # Of a few words, the identifier of natural languages may think any of those that it knows.
        spoken = CANDIDATES if target == "describe" else ()
        assert set(rows["found_language"]) <= {*columns, *spoken, "python", "javascript", "english", ""}
        assert (rows["gold"].str.len() > 0).all() and (rows["source"].str.len() > 0).all()
        assert rows["cut"].dtype == bool
    baselines = pd.read_parquet(generated / "baselines/complete.parquet")
    assert set(baselines["arm"]) == {
        f"baseline:{name}" for name in ("frequent", "copy", "nearest", "reference", "source-reference")
    }
    assert (baselines["found_language"] != "").any()


def test_scores_have_the_share_in_the_right_language(generated: Path) -> None:
    scores = pd.read_csv(generated / "scores.csv")
    shares = scores[scores["metric"] == "right_language"]
    assert set(shares["target"]) == set(STUDY["targets"]) and shares["value"].between(0, 1).all()
    runs = pd.read_csv(generated / "runs.csv").groupby("arm")[["learning_rate", "method"]].first()
    assert runs.loc["slow", "learning_rate"] == pytest.approx(0.1 * runs.loc["none", "learning_rate"])
    assert "lora" in runs.loc["lora", "method"]


def test_the_page_shows_generated_texts(generated: Path) -> None:
    page = (generated / "report.html").read_text()
    assert 'id="generation"' in page and "Shares of outputs in the wrong language" in page
    assert 'id="table-tiny-wrong-language"' in page
    table = pd.read_csv(generated / "tables/tiny/wrong-language.csv")
    assert set(table.loc[table["method"].notna(), "arm"]) == {"none", "slow", "lora"}
    assert table[["wrong_language", "unknown_language", "cut"]].stack().between(0, 100).all()
    references = table[table["method"].isna()].groupby("arm")["languages"].unique().map(sorted).to_dict()
    assert references == {
        "references": ["source", "zero-shot"],
        "references of the source language": ["zero-shot"],
    }


def test_every_rate_that_was_tried_has_its_share_in_the_wrong_language(generated: Path) -> None:
    """Arms that differ by a factor share their trials: those of none and of lora are two trials for each target."""
    trials = json.loads((generated / "tuning/tiny/none/complete.json").read_text())
    assert {row["measure"] for row in trials[0]["tests"]} == {"test", "right_language", "other_language", "cut"}
    assert {row["language"] for row in trials[0]["tests"]} == {"python", "javascript", "invented"}
    table = tried_rates(pd.read_csv(generated / "runs.csv"))
    assert table.groupby(["target", "method"]).size().eq(2).all() and len(table) == 2 * 2 * len(STUDY["targets"])
    assert table[["quality", "wrong_language", "unknown_language", "cut"]].stack().between(0, 100).all()
    assert "which no choice read" in (generated / "report.html").read_text()
