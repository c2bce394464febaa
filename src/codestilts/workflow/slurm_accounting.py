"""What Slurm's accounting says of a study's jobs."""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from codestilts.workflow.job_paths import encoder_of, job_path_of, rule_of
from codestilts.workflow.snakemake_logs import RunLog, Submitted

FIELDS = "JobID,State,Submit,Start,End,ElapsedRaw,TimelimitRaw,AllocTRES,NCPUS,NNodes,ReqMem"
QUEUE = "%i|%T|%V|%S|Unknown|%M|%l|%b|%C|%D|%m"  # the same of squeue
WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "REQUEUE_FED"}
RUNNING = {"RUNNING", "COMPLETING", "RESIZING", "SIGNALING", "STAGE_OUT", "STOPPED", "SUSPENDED"}
TARGETS = re.compile(r"--target-jobs ((?:'[^']*' ?)+)")
TARGET = re.compile(r"'([\w-]+):([^']*)'")
UNITS = {"": 1e-6, "K": 2**-10, "M": 1, "G": 2**10, "T": 2**20}  # MB


@dataclass(frozen=True)
class Attempt:
    """One job in Slurm: what it was for, how it went, what it was given and what it used."""

    slurm_id: str
    job: Submitted
    job_paths: tuple[str, ...]  # of a group those of all its jobs
    state: str
    submitted: float | None
    began: float | None
    ended: float | None
    seconds: float
    limit: float | None  # seconds
    gpus: int
    cpu_seconds: float  # that it had
    used_cpu_seconds: float
    memory: float  # MB that it had
    used_memory: float | None  # MB; None where Slurm never looked

    @property
    def waiting(self) -> bool:
        """Whether it is in the queue."""
        return self.state in WAITING

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.state in RUNNING

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than well; one that was taken from the queue never began."""
        return not (self.waiting or self.running or self.state == "COMPLETED") and self.began is not None


def attempts(runs: Sequence[RunLog], gpus: Mapping[str, int], usage: bool = False) -> list[Attempt]:
    """All jobs of these runs that went to Slurm, as they are now; ``usage`` asks what they used too.

    ``gpus`` has those that a job asks for, by encoder: not every Slurm keeps account of them.
    Raises :class:`OSError` or :class:`subprocess.CalledProcessError` where Slurm does not answer.
    """
    known = {job_id: job for run in runs for job_id, job in run.submitted.items()}
    if not known:
        return []
    own = [run for run in runs if run.submitted]
    since = datetime.fromtimestamp(min(run.began for run in own)).isoformat(timespec="seconds")
    ask = ["--starttime", since, "--name", ",".join(run.slurm_run for run in own)]
    groups = [job_id for job_id, job in known.items() if job.kind == "group"]
    members: dict[str, tuple[str, ...]] = {}
    try:
        jobs = sacct(["--allocations", *ask], FIELDS)
        if groups:
            members = group_job_paths(sacct(["--allocations", "--jobs", ",".join(groups)], "JobID,SubmitLine"))
    except (OSError, subprocess.CalledProcessError):  # no accounting: what waits and runs is known still
        jobs = tell(["squeue", "--noheader", "--format", QUEUE, *ask[2:]])
    used = usage_of(sacct(ask, "JobID,TotalCPU,MaxRSS")) if usage else {}
    found = []
    for line in jobs:
        job_id = line.partition("|")[0]
        if job := known.get(job_id):
            job_paths = members.get(job_id, (job.job_path,))
            asked = max(gpus.get(encoder_of(name) or "", 0) for name in job_paths)
            found.append(attempt(line, job, job_paths, asked, *used.get(job_id, (0.0, None))))
    return sorted(found, key=lambda one: int(one.slurm_id))


def sacct(which: Iterable[str], fields: str) -> list[str]:
    """Lines of Slurm's accounting."""
    return tell(["sacct", "--parsable2", "--noheader", "--format", fields, *which])


def tell(command: list[str]) -> list[str]:
    """The lines that a command of Slurm prints."""
    standard = os.environ | {"SLURM_TIME_FORMAT": "standard"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=standard).stdout.splitlines()


def attempt(
    line: str,
    job: Submitted,
    job_paths: tuple[str, ...],
    asked: int,
    used_cpu: float = 0.0,
    used_memory: float | None = None,
) -> Attempt:
    """One line of the accounting, with what else is known of that job."""
    slurm_id, state, submitted, began, ended, elapsed, limit, tres, cpus, nodes, memory = line.split("|")
    cores = int(cpus or 0)
    return Attempt(
        slurm_id=slurm_id,
        job=job,
        job_paths=job_paths,
        state=state.split()[0],  # CANCELLED by 1000
        submitted=moment(submitted),
        began=moment(began),
        ended=moment(ended),
        seconds=duration(elapsed),
        limit=60 * float(limit) if limit.isdigit() else None,
        gpus=gpus_of(tres) or asked,
        cpu_seconds=cores * duration(elapsed),
        used_cpu_seconds=used_cpu,
        memory=asked_memory(memory, cores, int(nodes or 1)),
        used_memory=used_memory,
    )


def group_job_paths(lines: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The job paths of the jobs of each group, by its id, from the command that was submitted."""
    found = {}
    for line in lines:
        slurm_id, _, command = line.partition("|")
        if targets := TARGETS.search(command):
            jobs = TARGET.findall(targets[1])
            found[slurm_id] = tuple(job_path_of(rule_of(rule), values(wildcards)) for rule, wildcards in jobs)
    return found


def values(wildcards: str) -> list[str]:
    """The values in ``encoder=tiny,arm=none``."""
    return [pair.partition("=")[2] for pair in wildcards.split(",") if pair]


def usage_of(lines: Iterable[str]) -> dict[str, tuple[float, float | None]]:
    """CPU seconds of each job, and MB of the largest of its steps (``14.batch``, ``14.0``)."""
    cpu: dict[str, float] = {}
    memory: dict[str, float] = {}
    for line in lines:
        step, used, peak = line.split("|")
        slurm_id, dot, _ = step.partition(".")
        if not dot:
            cpu[slurm_id] = duration(used)
        if megabytes := size(peak):
            memory[slurm_id] = max(memory.get(slurm_id, 0.0), megabytes)
    return {slurm_id: (seconds, memory.get(slurm_id)) for slurm_id, seconds in cpu.items()}


def moment(text: str) -> float | None:
    """A time of the accounting; Unknown and None are what has not happened."""
    return datetime.fromisoformat(text).timestamp() if text[:1].isdigit() else None


def gpus_of(tres: str) -> int:
    """GPUs in ``cpu=2,gres/gpu=1,gres/gpu:a100=1,mem=4G``: the plain entry counts those of all types."""
    parts = dict(part.split("=", 1) for part in tres.split(",") if "=" in part)
    typed = sum(int(count) for name, count in parts.items() if name.startswith("gres/gpu:"))
    return int(parts.get("gres/gpu", typed))


def duration(text: str) -> float:
    """Seconds of ``1-02:03:04``, ``02:03:04`` or ``03:04.567``."""
    days, _, clock = text.rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = 60 * seconds + float(part or 0)
    return 86400 * float(days or 0) + seconds


def size(text: str) -> float:
    """MB of ``208964K`` or ``1.5G``; 0 where nothing is said."""
    number, unit = (text[:-1], text[-1]) if text[-1:].isalpha() else (text, "")
    return float(number) * UNITS[unit] if number else 0.0


def asked_memory(text: str, cpus: int, nodes: int) -> float:
    """MB of ``2000M``; older versions say whether that is for each CPU (``4Gc``) or node (``16Gn``)."""
    if text.endswith(("c", "n")):
        return size(text[:-1]) * (cpus if text[-1] == "c" else nodes)
    return size(text)
