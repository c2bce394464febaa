"""Which devices a job gets, tried with GPUs that are pretended: torch computes on the CPU."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from codestilts.errors import CodeStiltsError
from codestilts.training.devices import PRETEND, claimed, visible_gpus

HOLD = "from codestilts.training.devices import claimed\nwith claimed({gpus}): print('mine', flush=True); input()"


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with two GPUs, which no test beside this one uses."""
    monkeypatch.setenv(PRETEND, "2")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def hold(gpus: int) -> subprocess.Popen[str]:
    """Another job that keeps its GPUs until its standard input ends."""
    command = [sys.executable, "-c", HOLD.format(gpus=gpus)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_job_without_a_request_computes_on_the_cpu() -> None:
    with claimed(0) as devices:
        assert devices == [torch.device("cpu")]


def test_a_job_that_asked_for_a_gpu_and_got_none_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PRETEND, raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    began = time.monotonic()
    with pytest.raises(CodeStiltsError, match=r"2 GPUs and got 0: .+"), claimed(2):
        pass
    assert time.monotonic() - began < 5


def test_a_scheduler_says_which_gpus_a_job_sees(two: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(visible_gpus()) == ["pretended GPU 0", "pretended GPU 1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert list(visible_gpus()) == ["pretended GPU 1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(CodeStiltsError, match="1 GPU and got 0"), claimed(1):
        pass


def test_two_jobs_get_different_gpus_and_a_third_waits(two: None, capsys: pytest.CaptureFixture[str]) -> None:
    first, third = hold(1), None
    assert first.stdout and first.stdout.readline() == "on pretended GPU 0\n"
    with claimed(1):
        assert "on pretended GPU 1" in capsys.readouterr().out
        third = hold(1)
        time.sleep(3)
        assert third.poll() is None
        first.communicate("\n")
        assert third.stdout and third.stdout.readline() == "on pretended GPU 0\n"
    third.communicate("\n")


def test_a_killed_job_leaves_its_gpu_free(two: None) -> None:
    other = hold(2)
    assert other.stdout and other.stdout.readline() == "on pretended GPU 0, pretended GPU 1\n"
    other.kill()
    other.wait()
    with claimed(2) as devices:
        assert len(devices) == 2
