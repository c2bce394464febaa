"""Faults of a cluster, applied to real Slurm jobs: each job is retried and ends with the same result."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from cluster import ask, call, copy_of, jobs_of, start, study, wait

FILES = ("micro.yaml", "nano.yaml", "long.yaml")
RUN = "tiny/cloze/tags"
PREDICTIONS = f"results/nano/predictions/{RUN}/0-1.parquet"
MODELS = f"results/nano/target/{RUN}"
CHECKPOINT = f"{MODELS}/.0-1.work/0.state/state.json"
LOG = f"results/nano/logs/target/{RUN}/0-1.log"


STEPS = 400
LONG = f"""
target:
  checkpoint_minutes: 0.02
  evaluations: 2
  tasks: {{tags: {{steps: {STEPS}, tokens_per_step: 1024}}}}
"""


@pytest.fixture(scope="module")
def undisturbed(outside: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training without interruption, cluster or container."""
    folder = without_run(copy_of(outside, tmp_path_factory.mktemp("undisturbed") / "project"))
    words = ["snakemake", "--cores", "1", "--configfile", *FILES, "--rerun-triggers", "mtime", "--", PREDICTIONS]
    done = call(folder, *words, CODESTILTS_PRETEND_GPUS="1")
    assert done.returncode == 0, done.stdout[-3000:]
    return folder


@pytest.fixture
def project(outside: Path, tmp_path: Path) -> Path:
    """A project in which only that training is left to do."""
    return without_run(copy_of(outside, tmp_path / "project"))


def without_run(folder: Path) -> Path:
    """Remove the outputs of one training from a finished project, and make that training long."""
    shutil.rmtree(folder / MODELS)
    (folder / PREDICTIONS).unlink()
    (folder / LOG).unlink()
    (folder / f"results/nano/benchmarks/target/{RUN}/0-1.tsv").unlink()
    (folder / "long.yaml").write_text(LONG)
    return folder


def options(*given: str, target: str = "") -> list[str]:
    """The command that runs that training and makes ``target``.

    ``given`` are settings of resources (with a colon) and other options. The other jobs, which ran without the image,
    are not rerun for that reason.
    """
    resources = ["--set-resources", "gpu_jobs:slurm_partition=gpu", *(word for word in given if ":" in word)]
    others = [word for word in given if ":" not in word]
    words = [*study(files=FILES)[:-1], "--rerun-triggers", "mtime", *others, *resources]
    return [*words, "--", PREDICTIONS, *filter(None, [target])]


def disturbed(project: Path, act: Callable[[str], object], *resources: str) -> list[str]:
    """Run the training and call ``act`` with its Slurm job after the first checkpoint; the states of all attempts."""
    process = start(project, *options(*resources))
    try:
        wait((project / CHECKPOINT).exists, 120, "a checkpoint")
        act(running(project))
        assert process.wait(timeout=400) == 0, (project / "run.txt").read_text()[-4000:]
    finally:
        process.kill()
    return states_of(project)


def self_disturbed(project: Path, act: str, resources: str) -> list[str]:
    """The same, but the first attempt itself executes ``act`` (Python code) after its first checkpoint."""
    script = project / "scripts/train_target.py"
    lines = [
        "import os, pathlib, signal, threading, time",
        "def act():",
        f"    while not pathlib.Path({CHECKPOINT!r}).exists(): time.sleep(0.05)",
        f"    {act}",
        "if not os.path.exists('planted'):",
        "    pathlib.Path('planted').touch()",
        "    threading.Thread(target=act, daemon=True).start()",
    ]
    before, main, after = script.read_text().partition("def main()")
    assert main
    script.write_text("\n".join([before, *lines, ""]) + main + after)
    done = call(project, *options(resources))
    assert done.returncode == 0, done.stdout[-4000:]
    return states_of(project)


def states_of(project: Path) -> list[str]:
    """The states of all Slurm jobs, in order."""
    return [row["State"].split()[0] for row in jobs_of(project)]


def running(project: Path) -> str:
    """The running Slurm job."""
    rows = [row for row in jobs_of(project) if row["State"] == "RUNNING"]
    assert len(rows) == 1, rows
    return rows[0]["JobID"]


def told(project: Path) -> str:
    """The output of all attempts at the training; Slurm's logs hold that of failed ones."""
    kept = sorted((project / ".snakemake/slurm_logs").rglob("*.log"), key=lambda path: path.stat().st_mtime)
    return "".join(path.read_text() for path in [*kept, project / LOG])


def assert_same_as_undisturbed(project: Path, undisturbed: Path) -> None:
    """Compare all bits, and check that only the steps since the last checkpoint were repeated."""
    pd.testing.assert_frame_equal(pd.read_parquet(project / PREDICTIONS), pd.read_parquet(undisturbed / PREDICTIONS))
    for seed in ("0", "1"):
        one, other = (folder / MODELS / "0-1" / seed for folder in (project, undisturbed))
        for name in ("encoder.safetensors", "head.safetensors"):
            assert (one / name).read_bytes() == (other / name).read_bytes(), (seed, name)
        curves = [json.loads((folder / "run.json").read_text())["curve"] for folder in (one, other)]
        assert curves[0] == curves[1]
    again = [
        (int(seed), int(step)) for seed, step in re.findall(r"seed (\d+) continues after step (\d+)", told(project))
    ]
    assert again and all(step > 0 for _, step in again), told(project)[-2000:]
    rest = (project / LOG).read_text()
    for seed, step in again[-1:]:
        assert all(int(shown) > step for shown in re.findall(rf"seed {seed}  step (\d+)/", rest)), rest
    assert not list((project / MODELS).glob(".*.work")), "no checkpoint is left"


def test_a_cancelled_job_is_tried_again_and_goes_on(project: Path, undisturbed: Path) -> None:
    states = disturbed(project, lambda job: ask("scancel", job))
    assert states == ["CANCELLED", "COMPLETED"]
    assert_same_as_undisturbed(project, undisturbed)


def test_a_job_that_exceeds_its_time_goes_on_with_more(project: Path, undisturbed: Path) -> None:
    """The first attempt hangs until Slurm's shortest time limit, one minute."""
    states = self_disturbed(project, "os.kill(os.getpid(), signal.SIGSTOP)", "train_target:runtime=attempt")
    assert states == ["TIMEOUT", "COMPLETED"]
    assert [row["Timelimit"] for row in jobs_of(project)] == ["00:01:00", "00:02:00"]
    assert_same_as_undisturbed(project, undisturbed)


def test_a_job_that_exceeds_its_memory_goes_on_with_more(project: Path, undisturbed: Path) -> None:
    states = self_disturbed(project, "held = b'x' * 2**31; time.sleep(60)", "train_target:mem_mb=attempt*2000")
    assert states[0] in ("OUT_OF_MEMORY", "CANCELLED", "FAILED") and states[1:] == ["COMPLETED"]
    assert "exceeded memory limit" in told(project)
    assert [re.findall(r"mem=(\d+)M", row["ReqTRES"])[0] for row in jobs_of(project)] == ["2000", "4000"]
    assert_same_as_undisturbed(project, undisturbed)


def test_a_job_whose_node_is_taken_away_goes_on(project: Path, undisturbed: Path) -> None:
    def take(job: str) -> None:
        for state in ("drain", "down"):
            ask("scontrol", "update", "nodename=localhost", f"state={state}", "reason=maintenance")
        wait(lambda: not find(rf"slurmstepd: \[{job}"), 60, "the job to be stopped")  # else it cannot start again there
        ask("scontrol", "update", "nodename=localhost", "state=resume")
        ask("scontrol", "update", f"jobid={job}", "starttime=now")  # Slurm would let it wait for two minutes

    states = disturbed(project, take)
    assert states[-1] == "COMPLETED" and len(states) > 1
    assert_same_as_undisturbed(project, undisturbed)


def test_a_killed_snakemake_redoes_nothing_that_is_finished(project: Path, undisturbed: Path) -> None:
    """Its job continues without it; the next run's job waits for that one and uses its outputs."""
    results = project / "results/nano"
    finished = {path: path.stat().st_mtime_ns for path in results.rglob("*") if path.is_file()}
    del finished[results / "plan.json"]  # added to, as the steps are others
    process = start(project, *options())
    wait((project / CHECKPOINT).exists, 120, "a checkpoint")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    job = running(project)
    ask("scontrol", "suspend", job)  # however long the next run takes to start its own
    again = start(project, *options())
    try:
        trainings = rf"^python scripts/train_target\.py .*{RUN}"
        wait(lambda: len(find(trainings).split()) == 2, 200, "the next run's job")
        ask("scontrol", "resume", job)
        assert again.wait(timeout=400) == 0, (project / "run.txt").read_text()[-4000:]
    finally:
        again.kill()
    changed = [path for path, when in finished.items() if path.exists() and path.stat().st_mtime_ns != when]
    assert not changed and all(path.exists() for path in finished)
    pd.testing.assert_frame_equal(pd.read_parquet(project / PREDICTIONS), pd.read_parquet(undisturbed / PREDICTIONS))
    assert len(re.findall(rf"seed 1  step {STEPS}/{STEPS}", told(project))) == 1, "no step is done twice"
    assert "Nothing to be done" in call(project, *options()).stdout


def test_too_small_a_gpu_gets_smaller_micro_batches(project: Path) -> None:
    done = call(project, *options(), CODESTILTS_PRETEND_GPU_SEQUENCES="8")
    assert done.returncode == 0, done.stdout[-4000:]
    record = json.loads((project / MODELS / "0-1/0/run.json").read_text())
    assert record["parts"] > 1 and record["tokens"] == pytest.approx(STEPS * 1024, rel=0.01)
    assert "out of GPU memory" in (project / LOG).read_text()


def find(command: str) -> str:
    """The processes whose command line matches."""
    return subprocess.run(["pgrep", "--full", "--", command], capture_output=True, text=True).stdout


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Mount a file system on a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", *options, folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def errors(text: str) -> list[str]:
    """The error lines that a user sees."""
    return list(dict.fromkeys(line for line in text.splitlines() if line.startswith("error: ")))


def test_a_full_disk_is_one_clear_line_and_the_rest_goes_on(project: Path) -> None:
    other = "results/nano/predictions/tiny/pos/search/0-1.parquet"
    (project / other).unlink()
    with mounted(project / MODELS, "-t", "tmpfs", "-o", "size=100k", "tmpfs"):
        done = call(project, *options("--retries", "0", target=other))
        left = [path for path in (project / MODELS).rglob("*") if path.is_file() and ".work" not in str(path)]
    assert done.returncode == 1
    (line,) = errors((project / LOG).read_text())
    assert "no space is left" in line and "tiny/cloze/tags" in line
    assert not left and not (project / PREDICTIONS).exists() and "Traceback" not in (project / LOG).read_text()
    assert (project / other).exists(), "the rest goes on"
    assert call(project, *options()).returncode == 0


def test_a_read_only_cache_is_one_clear_line(project: Path) -> None:
    (project / ".cache").mkdir(exist_ok=True)
    with mounted(project / ".cache", "-t", "tmpfs", "-o", "ro", "tmpfs"):
        done = call(project, *options())
    assert done.returncode == 1 and not (project / PREDICTIONS).exists()
    (line,) = errors(done.stdout)
    assert ".cache" in line and "read-only" in line and "Traceback" not in done.stdout


def test_a_hub_out_of_reach_stops_only_what_needs_it(project: Path) -> None:
    """Jobs on nodes never use the hub; a source that must be fetched reports the error."""
    archive = "resources/xnli-translated.zip"
    done = call(
        project, *options("--retries", "0", target=archive), HF_ENDPOINT="http://127.0.0.1:9", HF_HUB_OFFLINE="0"
    )
    assert done.returncode == 1 and (project / PREDICTIONS).exists() and not (project / archive).exists()
    (line,) = errors((project / "results/nano/logs/fetch/xnli-translated.log").read_text())
    assert "xnli" in line and "Traceback" not in done.stdout


def test_one_checkpoint_is_kept(project: Path) -> None:
    process = start(project, *options())
    folder = (project / CHECKPOINT).parent
    wait((project / CHECKPOINT).exists, 120, "a checkpoint")
    most = 0
    while process.poll() is None:
        states = [path for path in folder.parent.glob("*.state*") if path.is_dir()] if folder.parent.exists() else []
        most = max(most, len(states))
        time.sleep(0.05)
    assert process.returncode == 0
    assert most <= 2, "the last one, and the next as it is written"
