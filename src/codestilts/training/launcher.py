"""Give a training job its devices and its work folder. On several GPUs torchrun starts the job again, once per GPU."""

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
from codestilts.training.distributed import all_gather

DEVICES = "CODESTILTS_DEVICES"  # devices by rank; set in worker processes only
TIMEOUT = timedelta(days=2)  # of a collective call: the others wait while rank 0 evaluates and writes
PARENT_POLL_SECONDS = 1.0  # between two checks that the parent process still runs

Job = Callable[[torch.device], None]


def launch(job: Job, gpus: int, work: Path) -> None:
    """Call ``job`` with its device as soon as ``gpus`` GPUs are free and no other process uses the folder ``work``.

    With more than one GPU this process only holds the GPUs and the folder. Each GPU's own process runs the same
    command, arrives here too, and calls ``job`` as one of several (:mod:`codestilts.training.distributed`).

    Raises:
        CodeStiltsError: a process failed; the others have been stopped.
    """
    if DEVICES in os.environ:
        _run_as_worker(job)
        return
    with exclusive(work), claimed(gpus) as devices:
        if len(devices) > 1:
            _start_workers(devices)
        else:
            job(devices[0])


@contextmanager
def exclusive(work: Path) -> Iterator[None]:
    """Wait until no other process uses this folder: one that a killed workflow left running writes to it too."""
    lock = work.with_suffix(".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _start_workers(devices: list[torch.device]) -> None:
    from torch.distributed.run import parse_args, run

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # it reports failures at great length
    os.environ[DEVICES] = " ".join(map(str, devices))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        # Without --local-addr a node may not resolve its own name.
        options = ["--standalone", "--local-addr=localhost", f"--nproc-per-node={len(devices)}", f"--log-dir={folder}"]
        try:
            run(parse_args([*options, *sys.argv]))
        except ChildFailedError as error:
            raise CodeStiltsError(_root_cause(error.failures)) from None
        except SignalException as error:
            sys.exit(128 + error.sigval)
        finally:
            del os.environ[DEVICES]


def _root_cause(failures: dict[int, ProcessFailure]) -> str:
    """Describe the first failure in one line; that others lost the connection to a failed process is no cause."""
    messages = {rank: _message(failure) for rank, failure in failures.items()}
    prefix = f"{CodeStiltsError.__name__}: "
    for message in messages.values():
        if message.startswith(prefix):
            return message.removeprefix(prefix)
    first = min(failures, key=lambda rank: (_precedence(failures[rank]), failures[rank].timestamp))
    return f"the process of GPU {first} of {len(os.environ[DEVICES].split())} failed: {messages[first]}"


def _precedence(failure: ProcessFailure) -> int:
    """Order causes: 0 for a killed process, 1 for one that reported an error, 2 for one that torchrun stopped."""
    if failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM:
        return 0
    return 1 if isinstance(failure.message, dict) else 2


def _message(failure: ProcessFailure) -> str:
    message = failure.message
    return str(message["message"] if isinstance(message, dict) else message).strip()


def _run_as_worker(job: Job) -> None:
    device = torch.device(os.environ[DEVICES].split()[int(os.environ["LOCAL_RANK"])])
    threading.Thread(target=_exit_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        record(_run_in_process_group)(job, device)
    except CodeStiltsError:
        sys.exit(1)  # the parent process prints the error


def _run_in_process_group(job: Job, device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    job(device)
    all_gather(None)  # wait for the others
    distributed.destroy_process_group()


def _exit_with_parent(parent: int) -> None:
    """End this process with its parent, which alone holds the GPUs and the folder, even if that was killed."""
    while os.getppid() == parent:
        time.sleep(PARENT_POLL_SECONDS)
    os._exit(1)
