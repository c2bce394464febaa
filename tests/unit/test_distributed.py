"""Several GPUs, pretended, train one model: real processes that compute on the CPU, started by the scripts of jobs."""

import json
import os
import re
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import psutil
import pytest
import tiny
import torch
from safetensors.torch import load_file
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure
from warm_python import bin_folder

from codestilts.config.settings_json import to_json
from codestilts.config.training_settings import TuningSettings
from codestilts.training import launcher, models
from codestilts.training.devices import PRETEND
from codestilts.training.out_of_memory import PRETEND_SEQUENCES

ROOT = Path(__file__).parents[2]
CHOSEN = {"source_language": "python", "selection": ("last",), "seeds": (0,), "dropout": 0.0, "arm": "none"}


class Job:
    """Training on a target of one task type in a folder of its own, by the script that the workflow calls."""

    def __init__(self, home: Path, encoder: Path, kind: str, gpus: int, room: int | None = None, **changes) -> None:
        self.home, self.gpus, self.room = home, gpus, room
        home.mkdir(parents=True)
        tiny.examples(kind).to_parquet(home / f"{kind}.parquet", index=False)
        rates = changes.pop("learning_rates", None)
        settings = tiny.settings({kind: tiny.task_settings(kind)}, **CHOSEN | {"target": kind} | changes)
        self.options = ["--encoder", encoder, "--encoded", tiny.encode(encoder, home, kind), "--gpus", gpus]
        self.options += ["--settings", to_json(TuningSettings(settings, rates) if rates else settings)]

    def command(self, script: str, *options: object) -> list[str]:
        out = {"--out": self.home / "out", "--predictions": self.home / "predictions.parquet"}
        out |= {"--checkpoints": self.home / "work"}
        options = options or tuple(part for pair in out.items() for part in pair)
        return [str(part) for part in (ROOT / f"scripts/{script}.py", *self.options, *options)]

    @property
    def variables(self) -> dict[str, str]:
        """What pretends GPUs, and how many sequences each has room for."""
        own = {PRETEND: "2", "TMPDIR": str(self.home)}
        return own | ({PRETEND_SEQUENCES: str(self.room)} if self.room else {})

    def start(
        self, script: str = "train_target", *options: object, launcher: str = "", workers: str = ""
    ) -> subprocess.Popen[str]:
        """Start the job by an interpreter of its own and another for each GPU, by default the warm ones.

        A real launcher is the parent of the processes of its GPUs. Real processes of GPUs end when it is killed.
        """
        warm = str(bin_folder() / "python")
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        environment = {key: value for key, value in os.environ.items() if key != "CUDA_VISIBLE_DEVICES"}
        environment |= self.variables | {"HF_HUB_OFFLINE": "1", "PYTHON_EXEC": workers or warm}  # torchrun's
        return subprocess.Popen([launcher or warm, *self.command(script, *options)], env=environment, **pipes)

    def run(self) -> "Job":
        process = self.start()
        self.printed, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        return self.read()

    def run_here(self) -> "Job":
        """Run on one GPU in this process, which has loaded torch already."""
        command = self.command("train_target")
        with patch.dict(os.environ, self.variables), patch.object(sys, "argv", command):
            os.environ.pop("CUDA_VISIBLE_DEVICES", None)
            runpy.run_path(command[0], run_name="__main__")
        return self.read()

    def read(self) -> "Job":
        self.record = json.loads((self.home / "out/0/run.json").read_text())
        self.predictions = pd.read_parquet(self.home / "predictions.parquet")
        self.weights = load_file(self.home / "out/0" / models.ENCODER)
        return self


def alike(one: Job, other: Job) -> bool:
    """Whether both made the same model and predictions, to rounding."""
    close = all(torch.allclose(one.weights[name], other.weights[name], atol=1e-4) for name in one.weights)
    same = one.predictions["prediction"].equals(other.predictions["prediction"])
    return close and same and np.allclose(one.predictions["score"], other.predictions["score"], atol=1e-3)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("classification", {"steps": 12}),
        ("retrieval", {"tokens_per_step": 160}),
        ("multiple_choice", {"tokens_per_step": 20}),  # one example a step: one of two has nothing to do
        ("generation", {}),  # the loss is a mean over tokens, of which the two have different numbers
    ],
)
def test_two_gpus_make_the_model_that_one_makes(kind, changes, folder, tmp_path):
    one = Job(tmp_path / "one", folder, kind, 1, **changes).run_here()
    two = Job(tmp_path / "two", folder, kind, 2, **changes).run()
    assert alike(one, two)
    assert (one.record["gpus"], two.record["gpus"]) == (1, 2) and one.record["settings"] == two.record["settings"]
    assert [one.record[key] for key in ("tokens", "examples_seen")] == [
        two.record[key] for key in ("tokens", "examples_seen")
    ]
    shown = [line for line in two.printed.splitlines() if "step" in line]
    assert len(shown) == 2, "one of them prints"
    start = models.load_encoder(folder)[0].state_dict()
    moved = max(
        (one.weights[f"bert.{name}"] - start[name]).abs().max() for name in start if f"bert.{name}" in one.weights
    )
    assert moved > 1e-3


def test_all_halve_when_one_runs_out_of_memory(folder, tmp_path):
    """Thirteen examples are seven for the first and six for the second, which alone has room for them."""
    one = Job(tmp_path / "one", folder, "classification", 1, epochs=5, batch_size=13).run_here()
    two = Job(tmp_path / "two", folder, "classification", 2, room=6, epochs=5, batch_size=13).run()
    assert (two.record["parts"], two.record["doubled_at"]) == (2, [1]) and alike(one, two)
    assert two.printed.count("2 micro-batches") == 1


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that a job started, in the order of their GPUs."""
    found = [child for child in psutil.Process(process.pid).children() if "LOCAL_RANK" in child.environ()]
    return sorted(found, key=lambda child: child.environ()["LOCAL_RANK"])


def stopped(process: subprocess.Popen[str], victim: int | None, number: signal.Signals, state: Path) -> str:
    """Wait for the next checkpoint, send the signal to the job or to one of its processes; the error output."""
    before = state.stat().st_mtime_ns if state.exists() else 0
    while not (state.exists() and state.stat().st_mtime_ns > before):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    team = workers(process)
    os.kill(process.pid if victim is None else team[victim].pid, number)
    began = time.monotonic()
    errors = process.communicate(timeout=60)[1]
    psutil.wait_procs(team, timeout=10)
    assert process.returncode != 0 and not any(one.is_running() for one in team)
    assert time.monotonic() - began < 30
    return errors


def test_a_team_that_was_killed_goes_on_where_it_was(folder, tmp_path):
    changes = {"steps": 20, "evaluations": 1, "dropout": 0.1}
    whole = Job(tmp_path / "whole", folder, "classification", 2, **changes).run()
    job = Job(tmp_path / "killed", folder, "classification", 2, checkpoint_minutes=0, **changes)
    state = job.home / "work/0.state/state.json"
    errors = stopped(job.start(launcher=sys.executable), 1, signal.SIGKILL, state)
    assert errors.splitlines()[-1].startswith("error: ")
    assert "GPU 1 of 2" in errors.splitlines()[-1] and "SIGKILL" in errors.splitlines()[-1]
    stopped(job.start(launcher=sys.executable), None, signal.SIGTERM, state)
    stopped(job.start(launcher=sys.executable, workers=sys.executable), None, signal.SIGKILL, state)
    assert 0 < len(json.loads(state.read_text())["steps"]) < 20
    job.run()
    assert all(torch.equal(whole.weights[name], job.weights[name]) for name in whole.weights)
    assert len(job.record["curve"]) == len(whole.record["curve"])


LOST = {"message": "RuntimeError: connection closed by peer"}
OWN = {"message": "CodeStiltsError: the loss is nan"}
BUG = {"message": "KeyError: 'label'"}


@pytest.mark.parametrize(
    ("ends", "cause"),
    [
        (((-15, LOST, 1), (-9, None, 2)), "GPU 1 of 2 failed: Signal 9 (SIGKILL)"),  # seen dying after it was missed
        (((1, LOST, 2), (-9, None, 2)), "GPU 1 of 2 failed: Signal 9 (SIGKILL)"),
        (((1, BUG, 2), (-15, None, 2)), "GPU 0 of 2 failed: KeyError: 'label'"),
        (((-15, LOST, 3), (1, BUG, 2)), "GPU 1 of 2 failed: KeyError: 'label'"),
        (((-15, LOST, 1), (1, OWN, 2)), "the loss is nan"),
    ],
)
def test_the_cause_is_told_whichever_process_is_seen_to_end_first(ends, cause, monkeypatch, tmp_path):
    monkeypatch.setenv(launcher.DEVICES, "cpu cpu")
    failures = {}
    for place, (exitcode, error, second) in enumerate(ends):
        file = tmp_path / str(place)
        if error:
            file.write_text(json.dumps({"message": error | {"extraInfo": {"timestamp": second}}}))
        failures[place] = ProcessFailure(place, 1, exitcode, str(file))
    assert cause in launcher._root_cause(failures)


def test_an_error_of_all_is_one_clear_line(folder, tmp_path):
    process = Job(tmp_path / "job", folder, "classification", 2, learning_rate=1e30, clip=1e30, steps=30).start()
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 1
    assert re.match("error: tiny.*seed 0.*classification.*nan", errors)
    assert errors.count("\n") == 1


def test_a_team_tries_learning_rates(folder, tmp_path):
    """The worst rate ends in an error that all of them know, and the next one goes on."""
    rates = {"learning_rates": (1e30, 5e-3), "clip": 1e30, "steps": 30, "evaluations": 1}
    job = Job(tmp_path / "job", folder, "classification", 2, **rates)
    process = job.start("tune", "--out", job.home / "trials.json")
    assert process.wait(timeout=300) == 0, process.communicate()
    bad, good = json.loads((job.home / "trials.json").read_text())
    assert bad["dev"] == -1 and "nan" in bad["error"] and good["dev"] >= 0 and good["error"] is None
