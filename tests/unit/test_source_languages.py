"""Several source languages: twins of targets, and which source language is best."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from codestilts.config import preparation_jobs, training_jobs
from codestilts.config.analysis_jobs import comparison_settings, source_language_settings, twin_score_settings
from codestilts.config.claims_file import unknown_names
from codestilts.config.doses import dose_targets
from codestilts.config.registration import plan_of
from codestilts.config.study import Study
from codestilts.config.transferability import transferability_targets
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.source_languages import best_sources, expectations
from codestilts.reporting.source_languages import source_section, source_tables
from codestilts.workflow.job_paths import rules_by_job_path

ROOT = Path(__file__).parents[2]


def study(**changes: Any) -> Study:
    return load_study(read_configs([ROOT / "config.yaml"]) | changes, ROOT)


@pytest.fixture(scope="module")
def both() -> Study:
    return study(source_language=["python", "javascript"])


def test_every_fine_tuned_target_has_a_twin_in_each_other_source_language(both: Study) -> None:
    assert both.twins == [f"{name}-from-javascript" for name in ("match", "tags", "param-qa", "search")]
    assert both.source_language("tags-from-javascript") == "javascript" and both.source_language("tags") == "python"
    assert len(both.twin_runs) == 18 * 4 and set(both.twins) < set(both.examples)
    assert ("bert-tiny", "tags-from-javascript") in both.encoded_tasks
    jobs = rules_by_job_path(both)
    assert jobs["target/bert-tiny/none/tags-from-javascript/0-2"] == "train_target"
    assert jobs["score/twins/bert-tiny/none"] == "score_twins" and jobs["source_languages"] == "source_languages"


def test_a_twin_is_built_and_trained_as_its_target_in_another_language() -> None:
    """So both have the same test rows, which the task's name and seed choose."""
    own = {"data": read_configs([ROOT / "config.yaml"])["data"] | {"tasks": {"tags": {"train": 77}}}}
    both = study(source_language=["python", "javascript"], **own)
    built = {name: vars(preparation_jobs.build_settings(both, name)) for name in ("tags", "tags-from-javascript")}
    first, twin = built.values()
    assert first["train"] == twin["train"] == 154, "a pool of twice as many"
    assert {key for key in first if first[key] != twin[key]} == {"source_language"}
    settings = training_jobs.target_settings(both, "bert-tiny", "none", "tags-from-javascript", "0-2")
    assert (settings.steps, settings.source_language, settings.target) == (60, "javascript", "tags-from-javascript")
    assert list(settings.tasks) == ["tags-from-javascript"]


def test_contrasts_trials_and_rankings_have_the_first_source_language_only(both: Study) -> None:
    one = study()
    assert not one.twins and one.examples == [name for name in both.examples if name not in both.twins]
    assert comparison_settings(both) == comparison_settings(one)
    assert both.encoder_arms == one.encoder_arms and both.runs == one.runs
    assert dose_targets(both, "bert-tiny") == dose_targets(one, "bert-tiny")
    assert transferability_targets(both, "bert-tiny") == transferability_targets(one, "bert-tiny")
    assert plan_of(one)["source_language"] == "python" and plan_of(both)["source_language"] == "python javascript"
    assert list(twin_score_settings(both, "bert-tiny", "none").targets) == both.twins
    compared = source_language_settings(both)
    assert compared.bases["tags-from-javascript"] == compared.bases["tags"] == "tags"
    assert compared.comparison.targets["tags-from-javascript"].source_language == "javascript"
    assert "mining" not in compared.bases, "it is not fine-tuned"


def test_a_list_of_one_language_is_that_language() -> None:
    assert not study(source_language=["javascript"]).twins
    assert study(source_language=["javascript"]).source_language("match") == "javascript"


@pytest.mark.parametrize(
    ("languages", "words"),
    [
        (["python", "go"], "no training package in 'go'"),
        (["python", "cobol"], "'cobol': no target can be trained in it"),
        (["python", "python"], "source_language"),
        ([], "source_language"),
    ],
)
def test_unusable_source_languages_are_named(languages: list[str], words: str) -> None:
    with pytest.raises(CodeStiltsError, match=words):
        study(source_language=languages)


SIMILAR = {("python", "go"): 0.2, ("c", "go"): 0.6, ("python", "rust"): 0.5, ("c", "rust"): 0.4, ("c", "python"): 0.3}
SCORES = {
    ("python", "go"): 40.0,
    ("c", "go"): 50.0,
    ("python", "rust"): 30.0,
    ("c", "rust"): 33.0,
    ("c", "python"): 9.0,
}


def matrix() -> pd.DataFrame:
    """One target and one arm, which adds 5 points from Python and nothing from C."""
    rows = []
    for (source, language), score in {**SCORES, ("python", "python"): 90.0}.items():
        row = {"encoder": "tiny", "arm": "pos", "family": "english", "target": "match", "source": source}
        row |= {"language": language, "zero_shot": source != language, "none": score, "low": 0.0, "high": 0.0}
        row |= {"effect": 5.0 if source == "python" else 0.0, "examples": 10 if source == "python" else 20}
        rows.append(row | {"similarity": SIMILAR.get((source, language), 1.0)})
    return pd.DataFrame(rows)


def test_the_best_source_of_each_language_and_the_expected_ones() -> None:
    best = best_sources(matrix()).set_index(["arm", "language"])
    assert set(best.index) == {(arm, name) for arm in ("none", "pos") for name in ("go", "rust")}, "Python has one"
    assert best.loc[("none", "go"), ["best", "lead", "similarity", "examples"]].tolist() == ["c", 10.0, "c", "c"]
    assert best.loc[("none", "rust"), ["best", "lead", "similarity", "examples"]].tolist() == ["c", 3.0, "python", "c"]
    assert best.loc[("pos", "rust"), ["best", "lead"]].tolist() == ["python", 2.0]


def test_how_often_the_expected_source_is_the_best() -> None:
    table = matrix()
    found = expectations(table, best_sources(table)).set_index(["arm", "expected"])
    assert found.loc[("none", "similarity"), ["cells", "right", "chance"]].tolist() == [2, 50.0, 50.0]
    assert found.loc[("none", "examples"), "right"] == 100 and found.loc[("pos", "examples"), "right"] == 50
    relative = stats.spearmanr([-5, 5, -1.5, 1.5], [-0.2, 0.2, 0.05, -0.05])[0]
    assert found.loc[("none", "similarity"), "correlation"] == pytest.approx(relative)
    equal = table.assign(examples=10)
    row = expectations(equal, best_sources(equal)).set_index(["arm", "expected"]).loc[("none", "examples")]
    assert row["cells"] == 0 and np.isnan(row["right"]) and np.isnan(row["correlation"])


def test_chance_is_that_of_the_cells_with_an_expectation() -> None:
    """Go has three sources, and C is most similar to it; Rust has two, which are equally similar: no expectation."""
    table = matrix()
    java = table[(table["source"] == "python") & (table["language"] == "go")].assign(source="java", similarity=0.1)
    table.loc[table["language"] == "rust", "similarity"] = 0.5
    table = pd.concat([table, java], ignore_index=True)
    found = expectations(table, best_sources(table)).set_index(["arm", "expected"]).loc[("none", "similarity")]
    assert found[["cells", "right"]].tolist() == [1, 100.0] and found["chance"] == pytest.approx(100 / 3)


def test_the_matrices_are_means_over_targets() -> None:
    other = matrix().assign(target="tags", none=10.0, effect=1.0)
    found = source_tables(pd.concat([matrix(), other], ignore_index=True), ["python", "rust", "go", "c"])
    assert list(found.scores) == ["python", "rust", "go"] and list(found.scores.index) == ["Python", "C"]
    assert found.scores.loc["Python", "go"] == 25 and found.scores.loc["C", "python"] == 9.5
    assert found.effects.loc["pos, Python"].tolist() == [3, 3, 3] and found.effects.loc["pos, C"].tolist() == [0.5] * 3


def test_the_matrices_compare_sources_on_the_same_targets() -> None:
    """Tags are trained in Python only, where they are easy: Python is no better than C for that."""
    match = matrix().assign(none=50.0)
    tags = match[match["source"] == "python"].assign(target="tags", none=99.0, effect=40.0)
    found = source_tables(pd.concat([match, tags], ignore_index=True), ["python", "rust", "go", "c"])
    assert found.scores["go"].to_dict() == {"Python": 50.0, "C": 50.0}
    assert found.effects["go"].to_dict() == {"pos, Python": 5.0, "pos, C": 0.0}
    assert found.targets["go"] == 1 and set(found.best["target"]) == {"match"}


def test_sources_without_a_common_target_have_empty_matrices() -> None:
    table = matrix()
    apart = table.assign(target=table["source"].map({"python": "match", "c": "tags"}))
    found = source_section(apart[apart["language"] == "go"], ["python", "rust", "go", "c"])
    assert not found.scores.rows and not found.effects.rows and not found.best


def test_no_source_is_known_to_be_most_similar_if_one_has_no_similarity() -> None:
    table = matrix()
    table.loc[(table["source"] == "python") & (table["language"] == "go"), "similarity"] = float("nan")
    best = best_sources(table)
    assert best.set_index(["arm", "language"]).loc[("none", "go"), ["similarity", "examples"]].tolist() == ["", "c"]
    found = expectations(table, best).set_index(["arm", "expected"])
    assert found.loc[("none", "similarity"), "cells"] == 1 and found.loc[("none", "examples"), "cells"] == 2


def test_a_claim_about_a_twin_or_an_unknown_suite_is_one_line(both: Study) -> None:
    of_twin = replace(both, claims={"a": both.claims["domain"].model_copy(update={"targets": [both.twins[0]]})})
    of_suite = replace(both, claims={"a": both.claims["domain"].model_copy(update={"targets": None, "suite": "plx"})})
    assert [problem.path for problem in unknown_names(of_twin, ROOT)] == [("a", "targets")]
    assert [problem.path for problem in unknown_names(of_suite, ROOT)] == [("a", "suite")]


@pytest.mark.parametrize("error", [0.0, 1e-12, -1e-12])
def test_of_equal_scores_none_is_the_best(error: float) -> None:
    """In Go both sources have 50 points, up to rounding errors: nothing there is right or wrong."""
    table = matrix()
    table.loc[(table["source"] == "python") & (table["language"] == "go"), "none"] = 50.0 + error
    best = best_sources(table)
    row = best.set_index(["arm", "language"]).loc[("none", "go")]
    assert (row["best"], row["lead"], row["similarity"]) == ("", 0.0, "c")
    found = expectations(table, best).set_index(["arm", "expected"]).loc[("none", "examples")]
    assert found[["cells", "right"]].tolist() == [1, 100.0]
