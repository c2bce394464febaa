"""Devices of a job: the CPU, or the GPUs that it requested. A GPU belongs to one job at a time."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from codestilts.errors import CodeStiltsError

PRETEND = "CODESTILTS_PRETEND_GPUS"  # number of GPUs to pretend, for tests of schedules: the CPU computes for them
POLL_SECONDS = 1.0  # between two attempts to get a free GPU


@contextmanager
def claimed(gpus: int) -> Iterator[list[torch.device]]:
    """Yield the devices of this job: ``gpus`` GPUs that no other job of this user holds here, or the CPU for 0.

    A scheduler gives each job its own GPUs. Without one (a workstation) jobs wait here until enough are free.

    Raises:
        CodeStiltsError: there are fewer GPUs. Training on a CPU instead would take days and report nothing.
    """
    if not gpus:
        yield [torch.device("cpu")]
        return
    visible = visible_gpus()
    if len(visible) < gpus:
        unit = "GPU" if gpus == 1 else "GPUs"
        raise CodeStiltsError(f"this job requested {gpus} {unit} and got {len(visible)}: {_likely_reason()}")
    with _locked(list(visible), gpus) as names:
        if gpus == 1 and not os.environ.get(PRETEND):  # several are used by other processes
            torch.cuda.set_device(visible[names[0]])
        print(f"on {', '.join(names)}", flush=True)
        yield [visible[name] for name in names]


def visible_gpus() -> dict[str, torch.device]:
    """Return the GPUs that this process may use, by names that are unique on the machine."""
    if pretended := os.environ.get(PRETEND):
        restricted = os.environ.get("CUDA_VISIBLE_DEVICES")
        numbers = range(int(pretended)) if restricted is None else filter(None, restricted.split(","))
        return {f"pretended GPU {number}": torch.device("cpu") for number in numbers}
    return {
        f"GPU {torch.cuda.get_device_properties(index).uuid}": torch.device("cuda", index)
        for index in range(torch.cuda.device_count())
    }


def device_name(device: torch.device) -> str:
    """Return the name of a device for records: the model of a GPU, or ``cpu``."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _likely_reason() -> str:
    """Explain why there is probably no GPU, and what to do."""
    if torch.version.cuda is None and torch.version.hip is None:
        return (
            f"torch {torch.__version__} is a build without GPU support. Install (or build the image with) a build for "
            "GPUs, or set `device: cpu` in the study"
        )
    if not any(Path("/dev").glob("nvidia[0-9]*")) and not Path("/dev/kfd").exists():
        return (
            "this node, or this container, has no GPU device. Submit to a partition with GPUs, run the container with "
            "its GPU option (apptainer --nv or --rocm), or set `device: cpu` in the study"
        )
    return "a device exists but torch cannot use it: check with `nvidia-smi` whether the driver works and is new enough"


@contextmanager
def _locked(names: list[str], count: int) -> Iterator[list[str]]:
    """Wait until ``count`` of these GPUs are free, lock the first ones and yield their names."""
    while True:
        with ExitStack() as stack:
            held: list[str] = []
            for name in names:
                if len(held) < count:
                    with suppress(Timeout):
                        stack.enter_context(_lock(name).acquire(timeout=0))
                        held.append(name)
            if len(held) == count:
                yield held
                return
        time.sleep(POLL_SECONDS)


def _lock(name: str) -> FileLock:
    return FileLock(Path(tempfile.gettempdir()) / f"codestilts-{os.getuid()}-{name.replace(' ', '-')}.lock")
