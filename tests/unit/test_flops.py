"""FLOPs by hand, sizes of tasks and encoders from what is there, and speeds of finished runs."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tiny
from grid_study import GRID, SMALL, paper, study_of

from codestilts.config.study import Study
from codestilts.config.training_settings import TaskSettings, TrainingSettings
from codestilts.errors import CodeStiltsError
from codestilts.training import loop
from codestilts.training.inputs import prepare_inputs
from codestilts.training.tokenizers import load_tokenizer
from codestilts.workflow import device_speed, flops
from codestilts.workflow.architectures import find_architecture
from codestilts.workflow.flops import Flops, training_flops
from codestilts.workflow.plan_text import fit_text
from codestilts.workflow.task_sizes import TaskSize, task_size

PAIRS = TaskSettings("classification", "accuracy")


@pytest.fixture
def parts(tmp_path: Path) -> Study:
    return study_of(GRID, folder=tmp_path)


def job(**changes: Any) -> TrainingSettings:
    """Settings of a training job of one task."""
    given = {"phase": "intermediate", "cap": 1000, "steps": 10, "tokens_per_step": 100, "selection": ("last",)}
    return tiny.settings(**{"tasks": {"a": PAIRS}, **given, **changes})


def test_training_costs_six_flops_a_token_and_parameter_and_attention() -> None:
    block = 4 * (8 * 8 + 8) + (8 * 16 + 16) + (16 * 8 + 8) + 4 * 8
    assert SMALL.blocks == 2 * block
    found = training_flops(SMALL, job(), {"a": TaskSize(50, 0, 0, 20, 1, "published")})
    assert found == Flops(1000 * (6 * 2 * block + 12 * 2 * 8 * 20), 0)


def test_adapters_save_a_third_of_the_training() -> None:
    sizes = {"a": TaskSize(50, 4, 0, 20, 1, "published")}
    full, lora = (training_flops(SMALL, job(lora=lora), sizes) for lora in (None, tiny.LORA))
    assert lora.training == pytest.approx(full.training * 2 / 3) and lora.forward == full.forward


def test_epochs_are_examples_times_their_length() -> None:
    recipe = job(epochs=3, batch_size=8, phase="target")
    sizes = {"a": TaskSize(5000, 10, 30, 16, 2, "published")}
    assert flops.training_tokens(recipe, sizes) == 3 * 1000 * 32  # the cap counts
    tested = training_flops(SMALL, recipe, sizes)
    assert tested.forward == pytest.approx(2 * (10 + 30) * 32 * SMALL.forward_flops(16))
    selected = training_flops(SMALL, replace(recipe, selection=("dev", "last")), sizes)
    assert selected.forward == pytest.approx(2 * (10 + 10 + 30) * 32 * SMALL.forward_flops(16))
    assert training_flops(SMALL, recipe, sizes, trial=True).forward == pytest.approx(
        2 * 10 * 32 * SMALL.forward_flops(16)
    )


def test_masked_language_modelling_has_a_head_and_no_dev() -> None:
    sizes = {"a": TaskSize(50, 9, 0, 20, 1, "published")}
    plain, masked = (
        training_flops(SMALL, job(tasks={"a": tiny.task_settings(kind)}), sizes) for kind in ("tagging", "mlm")
    )
    assert masked.training - plain.training == pytest.approx(1000 * 6 * flops.MASKED * (100 * 8 + 8 * 8))
    assert masked.forward == 0 < plain.forward


def test_generation_has_a_decoder_and_a_vocabulary_for_a_share_of_the_tokens() -> None:
    """Examples of 16 tokens: 12 are read by the encoder, 4 written by the decoder and compared with the vocabulary."""
    task = tiny.task_settings("generation", decoder_layers=1)
    size = TaskSize(50, 8, 0, 12, 1, "published", 4)
    found = training_flops(SMALL, job(tasks={"a": task}), {"a": size})
    block = SMALL.blocks / 2  # of two
    extra = 2 * (100 * 8 + 8 * 8) + 2 * (block + 4 * 8 * 8)
    per_token = 3 / 4 * SMALL.forward_flops(12) + extra / 4
    assert found.training == pytest.approx(3 * 1000 * per_token)
    assert found.forward == pytest.approx(2 * 8 * 16 * per_token)
    assert found.steps == pytest.approx(2 * 8 * 16 / 4096 * 4)  # batches of two evaluations, times tokens of an output


def test_an_output_is_as_long_as_a_share_of_its_limit(tmp_path: Path) -> None:
    study = study_of("study: x\ntargets: [tags, describe]\n", folder=tmp_path)
    size = task_size(study, "describe", None, {}, fill=0.25)
    assert (size.sequence_tokens, size.output_tokens, size.example_tokens) == (32, 12, 44)
    assert task_size(study, "tags", None, {}).output_tokens == 0


def test_a_mixture_of_steps_computes_each_task_for_the_same_tokens() -> None:
    """1,000 tokens: 200 and 800 where examples of 20 and 80 tokens are as many, 500 each where the steps are."""
    sizes = {name: TaskSize(50, 0, 0, length, 1, "published") for name, length in (("a", 20), ("b", 80))}
    short, long = (SMALL.forward_flops(length) for length in (20, 80))
    for mixture, tokens in (("examples", (200, 800)), ("steps", (500, 500))):
        found = training_flops(SMALL, job(tasks={"a": PAIRS, "b": PAIRS}, mixture=mixture), sizes)
        assert found.training == pytest.approx(3 * (tokens[0] * short + tokens[1] * long))


@pytest.mark.parametrize("recipe", [{}, {"epochs": 2, "batch_size": 5}])
def test_training_spends_the_tokens_that_are_predicted(recipe: dict[str, Any], folder: Path) -> None:
    rows = {"classification": tiny.examples("classification", 40)}
    own = tiny.settings({"classification": tiny.task_settings("classification")}, **recipe)
    tokenizer = load_tokenizer(folder)
    tasks = [tiny.encoded_task(name, table, own.tasks[name], tokenizer) for name, table in rows.items()]
    inputs = prepare_inputs(own, tokenizer, tasks)
    found = loop.train(inputs, 0, folder).record
    spent = inputs.features(inputs.draw(0), 0)["classification"].tokens().tolist()
    sizes = {"classification": TaskSize(len(spent), 0, 0, sum(spent) / len(spent), 1, "built")}
    assert flops.training_tokens(own, sizes) == pytest.approx(found["tokens"], rel=0.05)


def test_an_architecture_is_read_from_the_fetched_encoder_or_as_published(parts: Study, tmp_path: Path) -> None:
    assert find_architecture(parts, "minilm", tmp_path).hidden_size == 384
    config = tmp_path / "results/parts/encoders/minilm/config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps(vars(SMALL)))
    assert find_architecture(parts, "minilm", tmp_path) == SMALL
    config.write_text(json.dumps({"model_type": "distilbert", "dim": 768}))
    with pytest.raises(CodeStiltsError, match="vocab_size"):
        find_architecture(parts, "minilm", tmp_path)


def test_examples_are_counted_as_built_or_as_requested(parts: Study, tmp_path: Path) -> None:
    asked = task_size(parts, "tags", tmp_path, {})
    assert (asked.train, asked.test, asked.sequence_tokens, asked.origin) == (4000, 600 + 200, 64, "requested")
    table = tmp_path / "results/parts/examples/tags.parquet"
    table.parent.mkdir(parents=True)
    pd.DataFrame({"split": ["train"] * 3 + ["test"] * 2}).to_parquet(table)
    built = task_size(parts, "tags", tmp_path, {"tags": 11.0})
    assert built == TaskSize(3, 0, 2, 11.0, 1, "built")


def test_a_published_set_limits_what_is_requested(tmp_path: Path) -> None:
    study = paper()
    found = task_size(study, "tydiqa", tmp_path, {})
    assert found.train == 3696 and found.test == 5077 and found.origin == "published"


def record(folder: Path, name: str, steps: int, seconds: float, target: str | None = None) -> None:
    """A finished run of the small encoder as the workflow leaves it."""
    (folder / "encoders/small").mkdir(parents=True, exist_ok=True)
    (folder / "encoders/small/config.json").write_text(json.dumps(vars(SMALL)))
    (folder / "examples").mkdir(exist_ok=True)
    pd.DataFrame({"split": ["train", "dev"]}).to_parquet(folder / "examples/a.parquet")
    made = {"device": "cpu", "processor": "a chip", "threads": 1, "encoder": "small", "steps": steps}
    made |= {"seconds": seconds, "tokens": 100 * steps, "examples_seen": 10 * steps}
    made |= {"settings": asdict(job(steps=steps))}
    run = f"target/small/{name}/{target}" if target else f"records/small/{name}"
    path = folder / run / "0/0/run.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(made | ({"target": target} if target else {})))


def test_finished_runs_measure_a_speed_lengths_and_the_error_of_predictions(tmp_path: Path) -> None:
    record(tmp_path / "one", "short", 2, 5.0)
    record(tmp_path / "one", "a", 100, 10.0)
    record(tmp_path / "one", "old", 100, 10.0)
    old = tmp_path / "one/records/small/old/0/0/run.json"
    old.write_text(json.dumps(json.loads(old.read_text()) | {"settings": {"phase": 2}}))
    runs = device_speed.read_measured_runs(tmp_path)
    assert len(runs) == 1, "two steps are too few, and other settings are of another version"
    assert device_speed.prediction_errors(runs) == [] and "unknown" in fit_text(runs)
    assert device_speed.mean_lengths(runs) == {"a": 10.0}
    assert device_speed.measured_speed(runs).flops_per_second == pytest.approx(runs[0].flops.total / 10)
    record(tmp_path / "two", "b", 100, 20.0, target="a")  # twice as slow
    runs = device_speed.read_measured_runs(tmp_path)
    assert device_speed.prediction_errors(runs) == pytest.approx([1.0, 0.5], rel=0.01)
    assert "maximum 100%" in fit_text(runs)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_runs_on_a_cpu_do_not_plan_a_study_for_gpus(parts: Study, tmp_path: Path, precision: str) -> None:
    record(tmp_path, "a", 100, 10.0)
    runs = device_speed.read_measured_runs(tmp_path.parent)
    measured = device_speed.choose_speed(parts, runs, None, 0.35)
    assert measured.device.is_cpu and measured.measured
    parts.config.intermediate.precision = precision
    assert device_speed.choose_speed(parts, runs, None, 0.35) == measured, "a study on a CPU, which may have bf16 units"
    parts.config.device = "gpu"
    assumed = device_speed.Speed(device_speed.Device("A100"), 0.35 * 312e12)
    assert device_speed.choose_speed(parts, runs, None, 0.35) == assumed
    with pytest.raises(CodeStiltsError, match="B1000"):
        device_speed.choose_speed(parts, runs, "B1000", 0.35)


def test_fp32_counts_with_its_own_peak(parts: Study) -> None:
    """That of a V100 is 15.7 TFLOP/s; it has 125 in fp16 and no bf16, in whose place it computes in fp32."""
    parts.config.intermediate.precision = parts.config.target.precision = "fp32"
    assert device_speed.choose_speed(parts, [], "V100", 0.35).flops_per_second == pytest.approx(0.7 * 15.7e12)
    parts.config.target.precision = "bf16"
    assert device_speed.choose_speed(parts, [], "V100", 0.35).flops_per_second == pytest.approx(0.7 * 15.7e12)
    parts.config.target.precision = "fp16"
    assert device_speed.choose_speed(parts, [], "V100", 0.35).flops_per_second == pytest.approx(0.35 * 125e12)
