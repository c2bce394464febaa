"""The jobs of a study in Slurm's accounting."""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from codestilts.workflow.job_paths import encoder_of, job_path_of
from codestilts.workflow.snakemake_logs import RunLog, Submitted

FIELDS = "JobID,State,Submit,Start,End,ElapsedRaw,TimelimitRaw,AllocTRES,NCPUS,NNodes,ReqMem"
QUEUE_FORMAT = "%i|%T|%V|%S|Unknown|%M|%l|%b|%C|%D|%m"  # the same fields of squeue
QUEUED = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "REQUEUE_FED"}
RUNNING = {"RUNNING", "COMPLETING", "RESIZING", "SIGNALING", "STAGE_OUT", "STOPPED", "SUSPENDED"}
TARGET_JOBS = re.compile(r"--target-jobs ((?:'[^']*' ?)+)")
TARGET_JOB = re.compile(r"'([\w-]+):([^']*)'")
MEGABYTES = {"": 1e-6, "K": 2**-10, "M": 1, "G": 2**10, "T": 2**20}  # of a unit; without one, sacct writes bytes


@dataclass(frozen=True)
class Usage:
    """CPU seconds of a job, and the peak memory (MB) of its largest step; None if Slurm did not sample it."""

    cpu_seconds: float = 0.0
    memory: float | None = None


@dataclass(frozen=True)
class Attempt:
    """One job in Slurm: the jobs of the study that it ran, its state, what it was allocated and what it used."""

    slurm_id: str
    job: Submitted
    job_paths: tuple[str, ...]  # one, or those of all jobs of a group
    state: str
    submitted: float | None
    began: float | None
    ended: float | None
    seconds: float
    limit: float | None  # seconds
    gpus: int
    cpu_seconds: float  # allocated: cores times seconds
    memory: float  # requested, MB
    used: Usage

    @property
    def queued(self) -> bool:
        """Whether it waits in the queue."""
        return self.state in QUEUED

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.state in RUNNING

    @property
    def failed(self) -> bool:
        """Whether it began and ended without success; a job cancelled in the queue never began."""
        return not (self.queued or self.running or self.state == "COMPLETED") and self.began is not None


def read_attempts(runs: Sequence[RunLog], gpus: Mapping[str, int], usage: bool = False) -> list[Attempt]:
    """All jobs that these runs submitted to Slurm, in their current state.

    Args:
        runs: The runs of Snakemake.
        gpus: The GPUs that a job requests, by encoder, because not every Slurm accounts for them.
        usage: Whether to ask for the CPU time and memory that the jobs used.

    Raises:
        OSError: Slurm's commands are not installed.
        subprocess.CalledProcessError: Slurm does not answer.
    """
    jobs = {job_id: job for run in runs for job_id, job in run.submitted.items()}
    if not jobs:
        return []
    submitting = [run for run in runs if run.submitted]
    names = ",".join(run.slurm_run for run in submitting)
    since = datetime.fromtimestamp(min(run.began for run in submitting)).isoformat(timespec="seconds")
    groups = [job_id for job_id, job in jobs.items() if job.kind == "group"]
    members: dict[str, tuple[str, ...]] = {}
    try:
        lines = sacct(["--allocations", "--starttime", since, "--name", names], FIELDS)
        if groups:
            members = group_job_paths(sacct(["--allocations", "--jobs", ",".join(groups)], "JobID,SubmitLine"))
    except (OSError, subprocess.CalledProcessError):  # without accounting the queue still tells what waits and runs
        lines = output_lines(["squeue", "--noheader", "--format", QUEUE_FORMAT, "--name", names])
    used = parse_usage(sacct(["--starttime", since, "--name", names], "JobID,TotalCPU,MaxRSS")) if usage else {}
    attempts = []
    for line in lines:
        job_id = line.partition("|")[0]
        if job := jobs.get(job_id):
            job_paths = members.get(job_id, (job.job_path,))
            requested = max(gpus.get(encoder_of(path) or "", 0) for path in job_paths)
            attempts.append(parse_attempt(line, job, job_paths, requested, used.get(job_id, Usage())))
    return sorted(attempts, key=lambda attempt: int(attempt.slurm_id))


def sacct(filters: Iterable[str], fields: str) -> list[str]:
    """Lines of Slurm's accounting."""
    return output_lines(["sacct", "--parsable2", "--noheader", "--format", fields, *filters])


def output_lines(command: list[str]) -> list[str]:
    """The lines that a command of Slurm prints, with times in ISO format."""
    environment = os.environ | {"SLURM_TIME_FORMAT": "standard"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.splitlines()


def parse_attempt(line: str, job: Submitted, job_paths: tuple[str, ...], gpus: int, used: Usage) -> Attempt:
    """Parse a line with ``FIELDS``; ``gpus`` are the requested ones, for a Slurm that does not account for GPUs."""
    slurm_id, state, submitted, began, ended, elapsed, limit, tres, cpus, nodes, memory = line.split("|")
    cores = int(cpus or 0)
    return Attempt(
        slurm_id=slurm_id,
        job=job,
        job_paths=job_paths,
        state=state.split()[0],  # CANCELLED by 1000
        submitted=parse_time(submitted),
        began=parse_time(began),
        ended=parse_time(ended),
        seconds=parse_duration(elapsed),
        limit=60 * float(limit) if limit.isdigit() else None,
        gpus=parse_gpus(tres) or gpus,
        cpu_seconds=cores * parse_duration(elapsed),
        memory=parse_requested_memory(memory, cores, int(nodes or 1)),
        used=used,
    )


def group_job_paths(lines: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The paths of the jobs of each group, by Slurm's id, from the command that was submitted."""
    job_paths = {}
    for line in lines:
        slurm_id, _, command = line.partition("|")
        if targets := TARGET_JOBS.search(command):
            jobs = TARGET_JOB.findall(targets[1])
            job_paths[slurm_id] = tuple(job_path_of(rule, wildcard_values(wildcards)) for rule, wildcards in jobs)
    return job_paths


def wildcard_values(wildcards: str) -> list[str]:
    """The values in ``encoder=tiny,arm=none``."""
    return [pair.partition("=")[2] for pair in wildcards.split(",") if pair]


def parse_usage(lines: Iterable[str]) -> dict[str, Usage]:
    """The usage of each job: a line for the job has its CPU time; lines of its steps (``14.batch``) have memory."""
    cpu_seconds: dict[str, float] = {}
    memory: dict[str, float] = {}
    for line in lines:
        step, cpu, peak = line.split("|")
        slurm_id, dot, _ = step.partition(".")
        if not dot:
            cpu_seconds[slurm_id] = parse_duration(cpu)
        if megabytes := parse_megabytes(peak):
            memory[slurm_id] = max(memory.get(slurm_id, 0.0), megabytes)
    return {slurm_id: Usage(seconds, memory.get(slurm_id)) for slurm_id, seconds in cpu_seconds.items()}


def parse_time(text: str) -> float | None:
    """A time of the accounting as a timestamp; None for ``Unknown`` and ``None``."""
    return datetime.fromisoformat(text).timestamp() if text[:1].isdigit() else None


def parse_gpus(tres: str) -> int:
    """GPUs in ``cpu=2,gres/gpu=1,gres/gpu:a100=1,mem=4G``; the plain entry is the sum over all types."""
    parts = dict(part.split("=", 1) for part in tres.split(",") if "=" in part)
    typed = sum(int(count) for name, count in parts.items() if name.startswith("gres/gpu:"))
    return int(parts.get("gres/gpu", typed))


def parse_duration(text: str) -> float:
    """Seconds of ``1-02:03:04``, ``02:03:04``, ``03:04.567`` or plain seconds."""
    days, _, clock = text.rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = 60 * seconds + float(part or 0)
    return 86400 * float(days or 0) + seconds


def parse_megabytes(text: str) -> float:
    """MB of ``208964K`` or ``1.5G``; 0 for an empty field."""
    number, unit = (text[:-1], text[-1]) if text[-1:].isalpha() else (text, "")
    return float(number) * MEGABYTES[unit] if number else 0.0


def parse_requested_memory(text: str, cpus: int, nodes: int) -> float:
    """MB of ``2000M``; older versions mark memory per CPU (``4Gc``) or per node (``16Gn``)."""
    if text.endswith(("c", "n")):
        return parse_megabytes(text[:-1]) * (cpus if text[-1] == "c" else nodes)
    return parse_megabytes(text)
