"""A training job gets its devices and its folder for itself; on several GPUs torchrun starts it again, once a GPU."""

import logging
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch
from filelock import FileLock
from torch import distributed
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure, record

from codestilts.errors import CodeStiltsError
from codestilts.training.devices import claimed
from codestilts.training.distributed import everyone

DEVICES = "CODESTILTS_DEVICES"  # those of the processes of a team, in order; set for them alone
PATIENCE = timedelta(days=2)  # of a process that waits for the others: one of them evaluates and writes for all
PARENT_ASKED_EVERY = 1.0  # seconds between two looks whether the process that started this one is still there


def compute(gpus: int, work: Path, job: Callable[[torch.device], None]) -> None:
    """Call ``job`` with its device, as soon as ``gpus`` GPUs are free and no other process works in ``work``.

    With more than one GPU this process only holds them and the folder. Each GPU's own process runs the same command,
    so that it comes here too, and calls ``job`` as one of a team (:mod:`codestilts.training.distributed`). Raises
    :class:`CodeStiltsError` if one of them fails; the others are ended then.
    """
    if DEVICES in os.environ:
        _as_one_of_a_team(job)
        return
    with alone_in(work), claimed(gpus) as devices:
        if len(devices) > 1:
            _start_team(devices)
        else:
            job(devices[0])


@contextmanager
def alone_in(work: Path) -> Iterator[None]:
    """Wait until no other process works in this folder: one that a killed workflow left running writes to it too."""
    lock = work.with_suffix(".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _start_team(devices: list[torch.device]) -> None:
    from torch.distributed.run import parse_args, run

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # it tells of failures at great length
    os.environ[DEVICES] = " ".join(map(str, devices))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        # By its own name a node may not find itself.
        options = ["--standalone", "--local-addr=localhost", f"--nproc-per-node={len(devices)}", f"--log-dir={folder}"]
        try:
            run(parse_args([*options, *sys.argv]))
        except ChildFailedError as error:
            raise CodeStiltsError(_cause(error.failures)) from None
        except SignalException as error:
            sys.exit(128 + error.sigval)
        finally:
            del os.environ[DEVICES]


def _cause(failures: dict[int, ProcessFailure]) -> str:
    """What went wrong, in one line: that others lost touch with a process that has ended is not it."""
    told = {place: _message(failure) for place, failure in failures.items()}
    mark = f"{CodeStiltsError.__name__}: "
    if ours := [message.removeprefix(mark) for message in told.values() if message.startswith(mark)]:
        return ours[0]
    place = min(failures, key=lambda one: (_order(failures[one]), failures[one].timestamp))
    return f"the process of GPU {place} of {os.environ[DEVICES].count(' ') + 1} failed: {told[place]}"


def _order(failure: ProcessFailure) -> int:
    """Of causes: 0 for a process that was killed, 1 for one that told its error, 2 for one that torchrun ended."""
    if failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM:
        return 0
    return 1 if isinstance(failure.message, dict) else 2


def _message(failure: ProcessFailure) -> str:
    message = failure.message
    return str(message["message"] if isinstance(message, dict) else message).strip()


def _as_one_of_a_team(job: Callable[[torch.device], None]) -> None:
    device = torch.device(os.environ[DEVICES].split()[int(os.environ["LOCAL_RANK"])])
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()

    def joined() -> None:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
        job(device)
        everyone(None)
        distributed.destroy_process_group()

    try:
        record(joined)()
    except CodeStiltsError:
        sys.exit(1)  # the process that started this one says why


def _end_with(parent: int) -> None:
    """End this process with its parent, which alone holds the GPUs and the folder, even if that was killed."""
    while os.getppid() == parent:
        time.sleep(PARENT_ASKED_EVERY)
    os._exit(1)
