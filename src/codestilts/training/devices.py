"""What a job computes on: the CPU, or the GPUs that it asked for, each of which is one job's at a time."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from codestilts.errors import CodeStiltsError

PRETEND = "CODESTILTS_PRETEND_GPUS"  # so many GPUs that are not there: schedules are tried with them, the CPU computes
ASKED_EVERY = 1.0  # seconds between two looks for a free GPU


@contextmanager
def claimed(gpus: int) -> Iterator[list[torch.device]]:
    """The devices of this job: ``gpus`` GPUs that no other job of this user has on this machine, or the CPU for 0.

    A scheduler gives each job its own GPUs; where none does (a workstation), jobs wait here until enough are free.
    Raises :class:`CodeStiltsError` at once where there are fewer GPUs than that: training on a CPU instead would take
    days and say nothing.
    """
    if not gpus:
        yield [torch.device("cpu")]
        return
    there = visible()
    if len(there) < gpus:
        raise CodeStiltsError(f"this job asked for {gpus} GPU{'s'[: gpus > 1]} and got {len(there)}: {_why()}")
    with _locked(list(there), gpus) as names:
        if gpus == 1 and not os.environ.get(PRETEND):  # several are used by other processes
            torch.cuda.set_device(there[names[0]])
        print(f"on {', '.join(names)}", flush=True)
        yield [there[name] for name in names]


def visible() -> dict[str, torch.device]:
    """The GPUs that this process may use, by a name that no other GPU of the machine has."""
    if pretended := os.environ.get(PRETEND):
        shown = os.environ.get("CUDA_VISIBLE_DEVICES")
        names = range(int(pretended)) if shown is None else filter(None, shown.split(","))
        return {f"pretended GPU {name}": torch.device("cpu") for name in names}
    return {
        f"GPU {torch.cuda.get_device_properties(index).uuid}": torch.device("cuda", index)
        for index in range(torch.cuda.device_count())
    }


def device_name(device: torch.device) -> str:
    """What a record says of the device: the model of a GPU, or ``cpu``."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _why() -> str:
    """The likely reason that there is no GPU, and what to do."""
    if torch.version.cuda is None and torch.version.hip is None:
        return (
            f"torch {torch.__version__} is built for CPUs alone. Install (or build the image with) a build for GPUs, "
            "or set `device: cpu` in the study"
        )
    if not any(Path("/dev").glob("nvidia[0-9]*")) and not Path("/dev/kfd").exists():
        return (
            "this node, or this container, has no GPU device. On a cluster: is the partition one with GPUs? In a "
            "container: is its driver installed on the node? Or set `device: cpu` in the study"
        )
    return "a device is there but torch cannot use it: `nvidia-smi` tells whether the driver works and is new enough"


@contextmanager
def _locked(names: list[str], count: int) -> Iterator[list[str]]:
    """The first ``count`` of these that are free, locked; waits until there are so many."""
    while True:
        with ExitStack() as stack:
            own: list[str] = []
            for name in names:
                if len(own) < count:
                    with suppress(Timeout):
                        stack.enter_context(_lock(name).acquire(timeout=0))
                        own.append(name)
            if len(own) == count:
                yield own
                return
        time.sleep(ASKED_EVERY)


def _lock(name: str) -> FileLock:
    return FileLock(Path(tempfile.gettempdir()) / f"codestilts-{os.getuid()}-{name.replace(' ', '-')}.lock")
