"""Each seed trains on its own draw of the pool, the same in every arm, and some arms on wrong labels."""

import hashlib
from typing import Any

import numpy as np
import pytest
import tiny
from projects import ROOT

from codestilts.config import preparation_jobs, training_jobs
from codestilts.config.schema_data import Draw
from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.base import wrong_labels
from codestilts.tasktypes.registry import TYPES
from codestilts.training import loop
from codestilts.training.inputs import TrainingInputs, prepare_inputs


def inputs(tokenizer: Any, *kinds: str, size: int = 40, drawn: int = 8, **changes: Any) -> TrainingInputs:
    own = {"drawn": drawn, "most_drawn": changes.pop("most_drawn", 1.0), "flipped": changes.pop("flipped", 0.0)}
    chosen = tiny.settings({kind: tiny.task_settings(kind, own) for kind in kinds}, **changes)
    encoded = [tiny.encoded_task(kind, table(kind, size), chosen.tasks[kind], tokenizer) for kind in kinds]
    return prepare_inputs(chosen, tokenizer, encoded)


def table(kind: str, size: int) -> Any:
    """Rows to train on, and after them a few dev rows."""
    rows = tiny.examples(kind, size + 4)
    return rows.assign(split=["train"] * size + ["dev"] * 4, language="python")


def test_a_seed_draws_its_own_rows_without_replacement(tokenizer: Any) -> None:
    draws = [inputs(tokenizer, "classification").draw(seed)["classification"] for seed in range(20)]
    assert all(len(set(draw.rows)) == len(draw.rows) == 8 and draw.pool == 40 for draw in draws)
    assert len({draw.record()["digest"] for draw in draws}) == 20
    counts = np.bincount(np.concatenate([draw.rows for draw in draws]), minlength=40)
    assert counts.sum() == 160 and counts.max() < 13  # 4 of 20 seeds on average: binomial, 13 or more in 40 rows: 4e-4


def test_a_draw_is_recorded_so_that_it_can_be_repeated(tokenizer: Any, folder: Any) -> None:
    own = inputs(tokenizer, "classification")
    found = loop.train(own, 3, folder).record["drawn"]["classification"]
    rows = own.draw(3)["classification"].rows
    assert found == {"rows": 8, "pool": 40, "digest": hashlib.sha256(np.array(rows, dtype="<i8").tobytes()).hexdigest()}


def test_arms_of_one_seed_draw_the_same_rows(tokenizer: Any) -> None:
    alone = inputs(tokenizer, "classification", arm="alone", phase="intermediate").draw(1)
    mixed = inputs(tokenizer, "classification", "tagging", arm="mixed", phase="intermediate").draw(1)
    shuffled = inputs(tokenizer, "classification", arm="shuffled", shuffle_labels=True, encoder="other").draw(1)
    assert alone["classification"].record() == mixed["classification"].record() == shuffled["classification"].record()


@pytest.mark.parametrize(
    ("size", "drawn", "most", "expected"),
    [(40, 8, 1.0, 8), (10, 8, 0.75, 8), (10, 9, 0.75, 8), (5, 8, 1.0, 5), (5, 0, 0.5, 5)],
)
def test_a_small_pool_gives_a_share_of_its_rows(
    tokenizer: Any, size: int, drawn: int, most: float, expected: int
) -> None:
    own = inputs(tokenizer, "classification", size=size, drawn=drawn, most_drawn=most)
    assert len(own.draw(0)["classification"].rows) == expected
    assert len(own.features(own.draw(0), 0)["classification"]) == expected


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("shuffled", [False, True])
def test_features_are_those_of_the_drawn_rows(kind: str, shuffled: bool, tokenizer: Any) -> None:
    own = inputs(tokenizer, kind, shuffle_labels=shuffled)
    draws = own.draw(2)
    rows = draws[kind].rows.tolist()
    part = table(kind, 40).iloc[rows].reset_index(drop=True)
    alone = prepare_inputs(
        own.settings, tokenizer, [tiny.encoded_task(kind, part, own.settings.tasks[kind], tokenizer)]
    )
    everything = {kind: type(draws[kind])(np.arange(8), 8)}
    found, expected = own.features(draws, 5)[kind], alone.features(everything, 5)[kind]
    assert len(found) == len(expected) >= 8
    assert found.tokens().tolist() == expected.tokens().tolist()
    for one, other in zip(found, expected, strict=True):
        for name in ("label", "labels", "start", "output"):
            assert np.array_equal(one.get(name), other.get(name))
        for first, second in zip(one["sequences"], other["sequences"], strict=True):
            assert first["input_ids"].tolist() == second["input_ids"].tolist()


def test_wrong_labels_leave_the_counts_as_they_are() -> None:
    labels = np.array([0] * 60 + [1] * 30 + [2] * 10)
    wrong = wrong_labels(labels, 3, 0.24, seed=1)
    assert np.bincount(wrong).tolist() == [60, 30, 10]
    assert [int((wrong != labels)[labels == label].sum()) for label in range(3)] == [8, 8, 8]
    assert np.bincount(wrong[(labels == 0) & (wrong != 0)]).tolist() == [0, 4, 4]  # dealt out evenly to the others
    assert not np.array_equal(wrong, wrong_labels(labels, 3, 0.24, seed=2))
    assert np.array_equal(wrong, wrong_labels(labels, 3, 0.24, seed=1))
    with pytest.raises(CodeStiltsError, match=r"11 rows of each label .* one label has 10 rows: .* at most 0.30"):
        wrong_labels(labels, 3, 0.33, seed=1)


def test_flipped_labels_change_training_only(tokenizer: Any) -> None:
    plain, noisy = (inputs(tokenizer, "classification", drawn=20, flipped=share) for share in (0.0, 0.2))
    labels = [
        np.array([feature["label"] for feature in own.features(own.draw(0), 7)["classification"]])
        for own in (plain, noisy)
    ]
    assert (labels[0] != labels[1]).sum() == 4 and labels[0].sum() == labels[1].sum()
    dev = [[feature["label"] for feature in own.tasks["classification"].dev.features] for own in (plain, noisy)]
    assert dev[0] == dev[1] != []


@pytest.fixture(scope="module")
def pocket() -> Study:
    return load_study(read_configs([ROOT / "config.yaml"]), ROOT)


def with_draw(study: Study, **keys: Any) -> Study:
    data = study.config.data.model_copy(update={"draw": Draw(**keys)})
    return Study(study.config.model_copy(update={"data": data}), study.tasks, study.sources)


def test_the_pool_is_built_and_the_draw_is_trained_on(pocket: Study) -> None:
    study = with_draw(pocket, pool=3, most=0.9)
    assert preparation_jobs.build_settings(study, "code-span").train == 4500
    assert {preparation_jobs.build_settings(each, "code-span").dev for each in (study, pocket)} == {120}
    task = training_jobs.intermediate_settings(study, "bert-tiny", "code-span", "0-2").tasks["code-span"]
    assert (task.drawn, task.most_drawn) == (1500, 0.9)
    task = training_jobs.target_settings(study, "bert-tiny", "code-span", "tags", "0-2").tasks["tags"]
    assert (task.drawn, task.most_drawn) == (4000, 0.9)
    assert preparation_jobs.drawn_rows(study, "mlm-code", 5000) == 4500  # of the texts that its file asks for
    assert [preparation_jobs.drawn_rows(study, "code-span", pool) for pool in (4500, 1600, 1001)] == [1500, 1440, 901]


def test_a_fixed_draw_is_that_of_all_seeds(pocket: Study) -> None:
    study = with_draw(pocket, fixed=True)
    assert preparation_jobs.build_settings(study, "code-span").train == 1500
    assert training_jobs.intermediate_settings(study, "bert-tiny", "code-span", "0-2").tasks["code-span"].drawn == 0


def test_published_sets_are_used_completely() -> None:
    study = load_study(read_configs([ROOT / "config.yaml", ROOT / "studies/paper.yaml"]), ROOT)
    assert preparation_jobs.drawn_rows(study, "mnli", 392_702) == 392_702
    assert preparation_jobs.drawn_rows(study, "nl-code", 200_000) == 100_000  # of which it takes a part
    noisy = training_jobs.intermediate_settings(study, "roberta-base", "english-multi-noisy", "0-1").tasks
    assert {name: task.flipped for name, task in noisy.items() if task.flipped} == {"mnli": 0.09, "qqp": 0.44}
