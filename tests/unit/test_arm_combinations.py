"""Arms and targets in combinations that no study of the project has."""

from pathlib import Path

import pandas as pd
import pytest
import tiny
from grid_study import study_of

from codestilts.config.analysis_jobs import comparison_settings
from codestilts.config.preparation_settings import BaselineSettings
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.baselines import baseline_predictions
from codestilts.evaluation.statistics.design import Design
from codestilts.reporting.sample_predictions import is_right
from codestilts.tasktypes import multiple_choice
from codestilts.tasktypes.base import Task
from codestilts.tasktypes.records import Held

CHANGED = """
study: changed
arms: [none, english-cloze, code-cloze, slow, slower, noisy, random-code, shuffled, adapters]
definitions:
  arms:
    slow: {family: variant, base: english-cloze, target_learning_rate_factor: 0.3}
    slower: {family: variant, base: slow, target_learning_rate_factor: 0.1}
    noisy: {family: variant, tasks: [code-cloze], flip_labels: {code-cloze: 0.4}}
    random-code: {family: code, tasks: [code-cloze], init: random}
    shuffled: {family: variant, tasks: [code-cloze], shuffle_labels: true}
    adapters: {family: english, tasks: [english-cloze], method: lora}
"""
MIXED = """
study: mixed
arms: [none, english-cloze, both]
definitions: {arms: {both: {family: mixed, tasks: [english-cloze, code-cloze]}}}
data: {tasks: {code-cloze: {languages: [python]}}}
"""
REFUSED = """
study: refused
arms: [none, code-cloze, again]
definitions: {arms: {again: {family: variant, base: code-cloze, init: random}}}
"""


def test_a_variant_of_a_variant_starts_from_the_models_of_the_first(tmp_path: Path) -> None:
    study = study_of(CHANGED, folder=tmp_path)
    assert study.parent_arm("slower") == study.parent_arm("slow") == "english-cloze"
    assert study.overlaps["slower"] == study.overlaps["english-cloze"] and study.parent_arm("none") is None


def test_only_arms_with_true_labels_that_are_trained_as_usual_stand_for_a_domain(tmp_path: Path) -> None:
    settings = comparison_settings(study_of(CHANGED, folder=tmp_path))
    design = Design(settings, {})
    assert design.matched("code", "cloze") == ["code-cloze"] and design.matched("english", "cloze") == ["english-cloze"]


def test_code_that_mixtures_read_is_seen_and_only_in_the_languages_that_the_study_has(tmp_path: Path) -> None:
    assert study_of(MIXED, folder=tmp_path).seen_languages == ["python"]


def test_random_weights_of_an_arm_that_starts_from_other_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CodeStiltsError, match=r"again\.init: has no effect.*models of 'code-cloze'"):
        study_of(REFUSED, folder=tmp_path)


def test_questions_without_an_answer_are_right_if_nothing_is_predicted_and_have_a_baseline_that_does_so() -> None:
    row = {"gold": "", "prediction": "", "answers": []}
    assert is_right(row, "span_qa") and not is_right(row | {"prediction": "x"}, "span_qa")
    columns = {"question": "q", "context": "One. Two.", "language": "python", "package": "p", "cluster": list("abcd")}
    frame = pd.DataFrame({"id": list("abcd"), "split": ["train", "train", "test", "test"], **columns})
    frame["unit"], frame["answer_text"] = frame["cluster"], ["One", "", "", "Two"]
    out = baseline_predictions(frame, "t", BaselineSettings("span_qa"))
    assert (out.loc[out["arm"] == "baseline:empty", "prediction"] == "").all()
    answered = frame.assign(answer_text="One")
    assert "baseline:empty" not in set(baseline_predictions(answered, "t", BaselineSettings("span_qa"))["arm"])


def test_a_shuffled_index_is_that_of_a_row_with_as_many_choices() -> None:
    sizes = [2, 3, 2, 3, 3, 2, 2, 3] * 5
    rows = [{"sequences": [[1]] * size, "label": number % size, "tokens": size} for number, size in enumerate(sizes)]
    task = Task.from_settings("t", tiny.task_settings("multiple_choice"))
    shuffled = multiple_choice.shuffle(Held(rows), 0, None, task)
    labels = [row["label"] for row in shuffled]
    assert all(label < size for label, size in zip(labels, sizes, strict=True))
    assert labels != [row["label"] for row in rows]
    for size in (2, 3):
        before, after = (
            sorted(label for label, own in zip(found, sizes, strict=True) if own == size)
            for found in ([row["label"] for row in rows], labels)
        )
        assert before == after
