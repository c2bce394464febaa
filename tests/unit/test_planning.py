"""What a study costs: jobs as Snakemake plans them, schedules within their bounds, disk space and downloads."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from grid_study import GRID, ROOT, paper, study_of
from hypothesis import given
from hypothesis import strategies as st

from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.workflow import planning
from codestilts.workflow.device_speed import UTILISATION, Device, Speed, choose_speed
from codestilts.workflow.disk_space import disk_use, with_settings
from codestilts.workflow.plan_text import Plan, energy_of_plan
from codestilts.workflow.planning import Workload
from codestilts.workflow.scheduling import longest_chains, most_at_once, schedule

SPEED = Speed(Device("x"), 1e9)
TWO_SOURCES = """
study: two
source_language: [python, javascript]
arms: [none, code-span]
target: {learning_rates: [1.0e-3, 2.0e-3]}
"""


@pytest.fixture
def parts(tmp_path: Path) -> Study:
    return study_of(GRID, folder=tmp_path)


@pytest.mark.parametrize(
    ("device", "speed", "gpu", "known"),
    [
        ("cpu", Device("A100"), None, False),
        ("cpu", Device("A100"), "A100", True),
        ("cpu", Device("cpu", "a chip", 2), None, True),
        ("gpu", Device("A100"), None, True),
    ],
)
def test_the_energy_of_a_study_on_a_cpu_is_not_that_of_a_gpu(
    parts: Study, device: str, speed: Device, gpu: str | None, known: bool
) -> None:
    parts.config.device = device
    plan = Plan(Workload(parts, {}, {}), [], Speed(speed, 1e9), [1], UTILISATION, gpu)
    assert ("unknown, because no run" not in energy_of_plan(plan, 3.0)) == known


def test_jobs_wait_for_the_models_they_start_from(parts: Study) -> None:
    jobs = planning.device_jobs(Workload.of(parts, Path("nowhere"), {}, 0.5))
    assert Counter(job.rule for job in jobs).items() <= planning.job_counts(parts).items()
    for number, job in enumerate(jobs):
        assert all(parent < number for parent in job.parents)
        assert all(jobs[parent].encoder == job.encoder for parent in job.parents)
    lora = [job for job in jobs if job.rule == "train_target" and job.wildcards[1] == "english-multi-lora"]
    assert [[jobs[parent].rule for parent in job.parents] for job in lora] == [["train_temporary", "tune"]] * 2
    assert {jobs[job.parents[0]].wildcards[1] for job in lora} == {"english-multi"}, "the base of the variant"


def test_intermediate_training_waits_for_the_trials_of_its_dose(parts: Study) -> None:
    jobs = planning.device_jobs(Workload.of(parts, Path("nowhere"), {}, 0.5))
    for job in jobs:
        if job.rule == "train_temporary":
            (trials,) = (jobs[parent] for parent in job.parents)
            assert trials.rule == "try_doses" and trials.wildcards == job.wildcards[:2]
    flops = {job.wildcards: job.flops for job in jobs if job.rule == "try_doses"}
    trained = next(job for job in jobs if job.wildcards == ("minilm", "pos", "2"))  # one seed
    targets = flops["minilm", "none"].training
    assert flops["minilm", "pos"].training == pytest.approx(3 * (trained.flops.training + targets)), "three rates"


def test_device_hours_sum_to_the_work_of_all_jobs(parts: Study) -> None:
    jobs = planning.device_jobs(Workload.of(parts, Path("nowhere"), {}, 0.5))
    table = planning.device_hours(jobs, SPEED)
    assert list(table.columns) == [*planning.HOUR_COLUMNS, "all"] and list(table.index) == [
        "bert-tiny",
        "minilm",
        "all",
    ]
    assert table.loc["all", "all"] == pytest.approx(sum(job.flops.total for job in jobs) / 3600e9)
    assert table.loc["all", "prediction"] == pytest.approx(
        sum(job.flops.forward for job in jobs if job.rule == "train_target") / 3600e9
    )
    trials = next(job for job in jobs if job.rule == "tune")
    trained = next(job for job in jobs if job.rule == "train_target")
    assert trials.flops.training == pytest.approx(trained.flops.training)  # two rates, two seeds


def test_disk_space_is_that_of_stored_files(parts: Study) -> None:
    workload = Workload.of(parts, Path("nowhere"), {}, 0.5)
    jobs = planning.device_jobs(workload)
    architectures = workload.architectures
    stored = {name: 4 * (shape.parameters - shape.word_embeddings) for name, shape in architectures.items()}
    use = disk_use(workload, jobs, SPEED, 3)
    assert use.encoders == 4 * sum(shape.parameters for shape in architectures.values())
    assert use.intermediate_models == use.target_models == 0 < use.predictions
    trials = 3 * stored["minilm"]  # one model in each running job
    assert use.checkpoints == 3 * 2 * (4 * architectures["minilm"].parameters + 2 * stored["minilm"])
    assert use.kept == use.encoders + use.predictions and use.peak == use.kept + use.temporary_models + use.checkpoints
    intermediate = 3 * sum(stored[encoder] for encoder, _ in parts.intermediate_models)
    assert max(stored.values()) <= use.temporary_models - trials <= intermediate
    whole = disk_use(*with_settings(workload, jobs, keep_models="all"), SPEED, 3)
    assert whole.intermediate_models == intermediate and whole.temporary_models == trials
    assert whole.target_models == 3 * sum(stored[encoder] for encoder, *_ in parts.runs)
    half = disk_use(*with_settings(workload, jobs, keep_models="all", store_precision="bf16"), SPEED, 3)
    assert (half.intermediate_models, half.target_models) == (intermediate / 2, whole.target_models / 2)
    assert (half.encoders, half.predictions, half.checkpoints) == (whole.encoders, whole.predictions, whole.checkpoints)
    listed = disk_use(*with_settings(workload, jobs, keep_models=["english-multi-lora"]), SPEED, 3)
    assert listed.target_models == 3 * stored["minilm"], "one target"
    assert listed.intermediate_models == 3 * sum(stored.values()), "english-multi of both encoders: the variant's base"
    assert 0 < listed.temporary_models < use.temporary_models


def test_most_at_once_by_hand() -> None:
    """2 from 0 to 3, 5 from 1 to 2, 4 from 2 to 4: where one begins as another ends, both are there."""
    assert most_at_once([(0, 3, 2), (1, 2, 5), (2, 4, 4)]) == 11
    assert most_at_once([(0, 1, 2), (1.5, 2, 5), (3, 4, 4)]) == 5
    assert most_at_once([]) == 0


def test_readers_of_temporary_models_go_first() -> None:
    """One device, a model and its two readers twice. Without ``first``, both models are trained first."""
    durations, parents = [1.0] * 6, [[], [], [0], [0], [1], [1]]
    assert schedule(durations, parents, 1) == [1, 2, 3, 4, 5, 6]
    assert schedule(durations, parents, 1, {2, 3, 4, 5}) == [1, 4, 2, 3, 5, 6]


def test_downloads_name_sources_of_unknown_size() -> None:
    study = paper()
    fetched = planning.downloads(study)
    assert "xtreme" in fetched.unknown and "ccg" in fetched.local
    asked = planning.downloads(study, lambda source: 5)
    assert asked.bytes == fetched.bytes + 5 * len(fetched.unknown) and asked.unknown == []


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[float], list[list[int]]]:
    durations = draw(st.lists(st.floats(0.01, 100), min_size=1, max_size=40))
    parents = [draw(st.lists(st.integers(0, job - 1), max_size=3)) if job else [] for job in range(len(durations))]
    return durations, parents


@given(graphs(), st.integers(1, 9))
def test_a_schedule_is_within_its_bounds(graph: tuple[list[float], list[list[int]]], devices: int) -> None:
    durations, parents = graph
    longest, total = max(longest_chains(durations, parents)), sum(durations)
    end = max(schedule(durations, parents, devices))
    least = max(longest, total / devices)
    assert least * (1 - 1e-9) <= end <= min(2 * least, total / devices + longest) * (1 + 1e-9)
    if devices == 1:
        assert end == pytest.approx(total)


def test_a_schedule_by_hand() -> None:
    """Two devices: a(3) and b(2) start; c(2) waits for b; d(1) is free. b, then c, beside a, then d: all done at 4."""
    assert longest_chains([3, 2, 2, 1], [[], [], [1], []]) == [3, 4, 2, 1]
    assert schedule([3, 2, 2, 1], [[], [], [1], []], 2) == [3, 2, 4, 4]


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=40))
def test_with_a_device_for_each_job_the_longest_chain_counts(durations: list[float]) -> None:
    chain = [[job - 1] if job else [] for job in range(len(durations))]
    assert schedule(durations, chain, len(durations))[-1] == pytest.approx(sum(durations))
    assert schedule(durations, [[]] * len(durations), len(durations)) == pytest.approx(durations)


@pytest.mark.parametrize("overlay", ["study: whole", GRID, TWO_SOURCES], ids=["pocket", "grid", "two sources"])
def test_the_jobs_are_those_of_the_workflow(overlay: str, tmp_path: Path) -> None:
    for name in ("rules", "profiles", "scripts", "src", "studies", "tasks", "notebooks", "report"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("Snakefile", "claims.yaml", "config.yaml", "sources.csv"):
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


def test_the_lab_study_is_a_weekend_for_four_gpus() -> None:
    study = load_study(read_configs([ROOT / "config.yaml", ROOT / "studies/lab.yaml"]), ROOT)
    jobs = planning.device_jobs(Workload.of(study, Path("nowhere"), {}))
    speed = choose_speed(study, [], "A100", UTILISATION)
    assert planning.device_hours(jobs, speed).loc["all", "all"] <= 150
    assert planning.wall_time(jobs, speed, [4])["days"].item() <= 2


def test_the_plan_of_the_paper_study_takes_seconds() -> None:
    command = [sys.executable, "scripts/plan.py", "--configs", "config.yaml", "studies/paper.yaml", "--results", "none"]
    result = subprocess.run([*command, "--gpu", "H100"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Study paper: 7 encoders") and "Device hours on H100" in result.stdout
    paper = yaml.safe_load((ROOT / "studies/paper.yaml").read_text())
    assert all(encoder in result.stdout for encoder in paper["encoders"])
