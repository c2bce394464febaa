"""What a study costs: arithmetic done by hand, schedules within their bounds, and jobs as Snakemake has them."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tiny
import yaml
from hypothesis import given
from hypothesis import strategies as st

from codestilts.config.study import Study
from codestilts.config.training_settings import TaskSettings, TrainingSettings
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import CodeStiltsError
from codestilts.training import loop
from codestilts.training.inputs import prepare_inputs
from codestilts.training.models import load_tokenizer
from codestilts.workflow import flops, planning
from codestilts.workflow.flops import Architecture, Examples, Work

ROOT = Path(__file__).parents[2]
SMALL = Architecture("bert", 100, 8, 2, 2, 16, 32, 2)
PAIRS = TaskSettings("classification", "accuracy")
# variants, tried learning rates, a partial grid and several batches of seeds: what the paper study has
GRID = """
study: parts
encoders: [bert-tiny, minilm]
arms: [none, pos, english-multi, english-multi-lora, random]
targets: [tags, search, search-untrained, param-qa]
grid:
  - {arms: [none, pos, english-multi, random], targets: [tags, search]}
  - {arms: [english-multi-lora], encoders: [minilm], targets: [param-qa]}
languages: [python, javascript]
seeds: [0, 1, 2]
seeds_per_job: 2
keep_models: false
target: {learning_rates: [1.0e-4, 1.0e-3], selection: [dev, last], tasks: {}}
definitions: {arms: {english-multi-lora: {family: variant, base: english-multi, method: lora}}}
"""


def study_of(*texts: str, folder: Path) -> Study:
    files = [ROOT / "config.yaml"]
    for number, text in enumerate(texts):
        files.append(folder / f"{number}.yaml")
        files[-1].write_text(text)
    return load_study(read_configs(files), ROOT, files)


@pytest.fixture
def parts(tmp_path: Path) -> Study:
    return study_of(GRID, folder=tmp_path)


def job(**changes: Any) -> TrainingSettings:
    """Settings of a training job of one task."""
    given = {"phase": "intermediate", "cap": 1000, "steps": 10, "tokens_per_step": 100, "selection": ("last",)}
    return tiny.settings(**{"tasks": {"a": PAIRS}, **given, **changes})


def test_a_token_costs_six_flops_a_parameter_and_attention() -> None:
    block = 4 * (8 * 8 + 8) + (8 * 16 + 16) + (16 * 8 + 8) + 4 * 8
    assert SMALL.body == 2 * block
    found = flops.run_work(SMALL, job(), {"a": Examples(50, 0, 0, 20, 1, "set")})
    assert found == Work(1000 * (6 * 2 * block + 12 * 2 * 8 * 20), 0)


def test_adapters_save_a_third_of_the_training() -> None:
    sizes = {"a": Examples(50, 4, 0, 20, 1, "set")}
    full, lora = (flops.run_work(SMALL, job(lora=lora), sizes) for lora in (None, tiny.LORA))
    assert lora.train == pytest.approx(full.train * 2 / 3) and lora.forward == full.forward


def test_epochs_are_examples_times_their_length() -> None:
    recipe = job(epochs=3, batch_size=8, phase="target")
    sizes = {"a": Examples(5000, 10, 30, 16, 2, "set")}
    assert flops.trained_tokens(recipe, sizes) == 3 * 1000 * 32  # the cap counts
    tested = flops.run_work(SMALL, recipe, sizes)
    assert tested.forward == pytest.approx(2 * (10 + 30) * 32 * SMALL.forward(16))
    selected = flops.run_work(SMALL, replace(recipe, selection=("dev", "last")), sizes)
    assert selected.forward == pytest.approx(2 * (10 + 10 + 30) * 32 * SMALL.forward(16))
    assert flops.run_work(SMALL, recipe, sizes, tested=False).forward == pytest.approx(2 * 10 * 32 * SMALL.forward(16))


def test_masked_language_modelling_pays_for_its_head_and_has_no_dev() -> None:
    sizes = {"a": Examples(50, 9, 0, 20, 1, "set")}
    plain, masked = (
        flops.run_work(SMALL, job(tasks={"a": tiny.task_settings(kind)}), sizes) for kind in ("tagging", "mlm")
    )
    assert masked.train - plain.train == pytest.approx(1000 * 6 * flops.MASKED * (100 * 8 + 8 * 8))
    assert masked.forward == 0 < plain.forward


@pytest.mark.parametrize("recipe", [{}, {"epochs": 2, "batch_size": 5}])
def test_tokens_are_those_that_training_spends(recipe: dict[str, Any], folder: Path) -> None:
    rows = {"classification": tiny.examples("classification", 40)}
    own = tiny.settings({"classification": tiny.task_settings("classification")}, **recipe)
    inputs = prepare_inputs(own, load_tokenizer(folder), rows)
    found = loop.train(inputs, 0, folder).record
    spent = [feature["tokens"] for feature in inputs.encode(0)["classification"]]
    sizes = {"classification": Examples(len(spent), 0, 0, sum(spent) / len(spent), 1, "counted")}
    assert flops.trained_tokens(own, sizes) == pytest.approx(found["tokens"], rel=0.05)


def test_architectures_come_from_what_is_there(parts: Study, tmp_path: Path) -> None:
    assert flops.architecture(parts, "minilm", tmp_path).hidden_size == 384
    config = tmp_path / "results/parts/encoders/minilm/config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps(vars(SMALL)))
    assert flops.architecture(parts, "minilm", tmp_path) == SMALL
    config.write_text(json.dumps({"model_type": "distilbert", "dim": 768}))
    with pytest.raises(CodeStiltsError, match=r"config.json: has no vocab_size"):
        flops.architecture(parts, "minilm", tmp_path)


def test_examples_are_counted_or_asked_for(parts: Study, tmp_path: Path) -> None:
    asked = flops.examples_of(parts, "tags", tmp_path, {})
    assert (asked.train, asked.test, asked.length, asked.known) == (4000, 600 + 200, 64, "asked")
    table = tmp_path / "results/parts/examples/tags.parquet"
    table.parent.mkdir(parents=True)
    pd.DataFrame({"split": ["train"] * 3 + ["test"] * 2}).to_parquet(table)
    built = flops.examples_of(parts, "tags", tmp_path, {"tags": 11.0})
    assert built == Examples(3, 0, 2, 11.0, 1, "counted")


def test_a_set_has_no_more_than_it_has(tmp_path: Path) -> None:
    study = load_study(read_configs([ROOT / "config.yaml", ROOT / "studies/paper.yaml"]), ROOT)
    found = flops.examples_of(study, "tydiqa", tmp_path, {})
    assert found.train == 3696 and found.test == 9 * 564 and found.known == "set"


def record(folder: Path, name: str, steps: int, seconds: float, target: str | None = None) -> None:
    """A finished run of the small encoder as the workflow leaves it."""
    (folder / "encoders/small").mkdir(parents=True, exist_ok=True)
    (folder / "encoders/small/config.json").write_text(json.dumps(vars(SMALL)))
    (folder / "examples").mkdir(exist_ok=True)
    pd.DataFrame({"split": ["train", "dev"]}).to_parquet(folder / "examples/a.parquet")
    made = {"device": "cpu", "processor": "a chip", "threads": 1, "encoder": "small", "steps": steps}
    made |= {
        "seconds": seconds,
        "tokens": 100 * steps,
        "examples_seen": 10 * steps,
        "settings": asdict(job(steps=steps)),
    }
    path = folder / ("models" if target else "intermediate") / "small" / name / "run.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(made | ({"target": target} if target else {})))


def test_runs_tell_a_speed_a_length_and_how_far_it_is_off(tmp_path: Path) -> None:
    record(tmp_path / "one", "short", 2, 5.0)
    record(tmp_path / "one", "a", 100, 10.0)
    runs = flops.measured(tmp_path)
    assert len(runs) == 1 and flops.errors(runs) == [] and flops.lengths(runs) == {"a": 10.0}
    assert "error of this plan is unknown" in planning.fit(runs)
    assert flops.speed(runs) == pytest.approx((runs[0].work.train + runs[0].work.forward) / 10)
    record(tmp_path / "two", "b", 100, 20.0, target="a")
    assert flops.errors(flops.measured(tmp_path)) == pytest.approx([1.0, 0.5], rel=0.01)  # twice as slow


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_study_for_gpus_is_not_planned_by_a_processor(parts: Study, tmp_path: Path, precision: str) -> None:
    record(tmp_path, "a", 100, 10.0)
    runs = flops.measured(tmp_path.parent)
    assert planning.choose_speed(parts, runs, None, 0.35)[0].name.startswith("cpu")
    parts.config["intermediate"]["precision"] = precision
    speed, how = planning.choose_speed(parts, runs, None, 0.35)
    assert speed.name == "A100" and speed.train == speed.forward == 0.35 * 312e12
    assert any("cpu" in line for line in how) and any("A100" in line for line in how)
    with pytest.raises(CodeStiltsError, match="--gpu B1000: unknown"):
        planning.choose_speed(parts, runs, "B1000", 0.35)


def test_jobs_wait_for_what_they_start_from(parts: Study) -> None:
    costs = planning.Costs.of(parts, Path("nowhere"), {}, 0.5)
    jobs = planning.gpu_jobs(costs)
    assert Counter(one.rule for one in jobs).items() <= planning.job_counts(parts).items()
    for place, one in enumerate(jobs):
        assert all(parent < place for parent in one.parents)
        assert all(jobs[parent].encoder == one.encoder for parent in one.parents)
    place = 2 * parts.runs.index(("minilm", "english-multi-lora", "param-qa"))  # two batches each
    lora = [one for one in jobs if one.rule == "train_target"][place : place + 2]
    assert [[jobs[parent].rule for parent in one.parents] for one in lora] == [["train_intermediate", "tune"]] * 2
    table = planning.hours(jobs, planning.Speed("x", 1e9, 1e9))
    assert table.loc["all", "all"] == pytest.approx(sum(one.work.train + one.work.forward for one in jobs) / 3600e9)
    tune = next(one for one in jobs if one.rule == "tune")
    trained = next(one for one in jobs if one.rule == "train_target")
    assert tune.work.train == pytest.approx(trained.work.train)  # two rates, two seeds


def test_disk_holds_what_is_kept(parts: Study) -> None:
    costs = planning.Costs.of(parts, Path("nowhere"), {}, 0.5)
    found = planning.disk(costs, 3)
    shapes = costs.shapes.values()
    own = {name: 4 * (shape.parameters - shape.word_embeddings) for name, shape in costs.shapes.items()}
    assert found["encoders"] == 4 * sum(shape.parameters for shape in shapes)
    assert found["models of phase 2"] == 3 * sum(own[encoder] for encoder, _ in parts.phase_2)
    assert found["models of phase 3"] == 0 and found["predictions"] > 0
    largest = costs.shapes["minilm"]
    assert found["checkpoints in flight"] == 3 * 2 * (4 * largest.parameters + 2 * own["minilm"])


def test_downloads_say_what_they_do_not_know(tmp_path: Path) -> None:
    study = load_study(read_configs([ROOT / "config.yaml", ROOT / "studies/paper.yaml"]), ROOT)
    size, unknown, local = planning.downloads(study)
    assert "xtreme" in unknown and "ccg" in local
    known, none, _ = planning.downloads(study, lambda source: 5)
    assert known == size + 5 * len(unknown) and none == []


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[float], list[list[int]]]:
    durations = draw(st.lists(st.floats(0.01, 100), min_size=1, max_size=40))
    parents = [draw(st.lists(st.integers(0, job - 1), max_size=3)) if job else [] for job in range(len(durations))]
    return durations, parents


@given(graphs(), st.integers(1, 9))
def test_a_schedule_is_within_its_bounds(graph: tuple[list[float], list[list[int]]], machines: int) -> None:
    durations, parents = graph
    longest, total = max(planning.tails(durations, parents)), sum(durations)
    found = planning.makespan(durations, parents, machines)
    least = max(longest, total / machines)
    assert least * (1 - 1e-9) <= found <= min(2 * least, total / machines + longest) * (1 + 1e-9)
    if machines == 1:
        assert found == pytest.approx(total)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=40))
def test_with_a_machine_for_each_job_the_longest_chain_counts(durations: list[float]) -> None:
    chain = [[job - 1] if job else [] for job in range(len(durations))]
    assert planning.makespan(durations, chain, len(durations)) == pytest.approx(sum(durations))
    assert planning.makespan(durations, [[]] * len(durations), len(durations)) == pytest.approx(max(durations))


@pytest.mark.parametrize("overlay", ["study: whole", GRID], ids=["pocket", "grid"])
def test_the_jobs_are_those_of_the_workflow(overlay: str, tmp_path: Path) -> None:
    for name in ("rules", "profiles", "scripts", "src", "tasks", "notebooks", "report"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("Snakefile", "config.yaml", "sources.csv"):
        shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / "overlay.yaml").write_text(overlay)
    python = Path(sys.executable).parent
    result = subprocess.run(
        ["snakemake", "--cores", "1", "--dry-run", "--quiet", "rules", "--configfile", "overlay.yaml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src"), "PATH": f"{python}{os.pathsep}{os.environ['PATH']}"},
        text=True,
        capture_output=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    found: Counter[str] = Counter()
    table = (result.stdout + result.stderr).partition("Job stats:")[2].partition("\n\n")[0]
    for rule, count in re.findall(r"^([a-z][\w-]*) +(\d+)$", table, re.MULTILINE):
        found[re.sub(r"_[\d-]+$", "", rule)] += int(count) * (rule not in ("total", "all"))
    assert +found == planning.job_counts(study_of(overlay, folder=tmp_path))


def test_the_plan_of_the_paper_study_takes_seconds() -> None:
    command = [sys.executable, "scripts/plan.py", "--configs", "config.yaml", "studies/paper.yaml", "--results", "none"]
    result = subprocess.run([*command, "--gpu", "H100"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Study paper: 7 encoders") and "Device hours on H100" in result.stdout
    paper = yaml.safe_load((ROOT / "studies/paper.yaml").read_text())
    assert all(encoder in result.stdout for encoder in paper["encoders"])
