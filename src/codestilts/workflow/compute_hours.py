"""Device hours of a study that has begun: used so far, and an estimate of what is left."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from codestilts.errors import CodeStiltsError
from codestilts.workflow import device_speed, planning
from codestilts.workflow.benchmarks import read_benchmark
from codestilts.workflow.job_paths import encoder_of
from codestilts.workflow.planning import Job, Workload
from codestilts.workflow.status import StudyStatus


@dataclass(frozen=True)
class Estimate:
    """Device seconds that are left, and what the estimate is based on; None if nothing is known yet."""

    seconds: float | None
    basis: str = ""


@dataclass(frozen=True)
class DeviceHours:
    """Hours of all devices together."""

    used: float
    failed: float  # of the used ones, in failed attempts
    left: float | None
    basis: str  # of the estimate


def device_hours(status: StudyStatus) -> DeviceHours:
    """Hours used according to Slurm, or else to the benchmarks; hours left at the speed of the finished jobs."""
    finished = job_seconds(status)
    completed = {path for attempt in status.attempts if attempt.state == "COMPLETED" for path in attempt.job_paths}
    outside_slurm = sum(
        seconds * job_devices(status, path) for path, seconds in finished.items() if path not in completed
    )
    on_gpus = status.study.config.device == "gpu"
    in_slurm = {
        attempt.slurm_id: attempt.seconds * (attempt.gpus if on_gpus else 1)
        for attempt in status.attempts
        if any(map(encoder_of, attempt.job_paths))
    }
    failed = sum(in_slurm.get(attempt.slurm_id, 0.0) for attempt in status.attempts if attempt.failed)
    left = estimate_left(status, finished)
    return DeviceHours(
        used=(outside_slurm + sum(in_slurm.values())) / 3600,
        failed=failed / 3600,
        left=None if left.seconds is None else left.seconds / 3600,
        basis=left.basis,
    )


def job_devices(status: StudyStatus, job_path: str) -> int:
    """The devices of a job: its GPUs, or one CPU in a study without GPUs."""
    return status.study.gpus(encoder_of(job_path) or "") or 1


def job_seconds(status: StudyStatus) -> dict[str, float]:
    """How long each finished job held its device: in Slurm including its start, else as benchmarked."""
    in_slurm = {
        attempt.job_paths[0]: attempt.seconds
        for attempt in status.attempts
        if attempt.state == "COMPLETED" and len(attempt.job_paths) == 1
    }
    folder = status.results / "benchmarks"
    return {
        path: in_slurm[path] if path in in_slurm else float(read_benchmark(folder / f"{path}.tsv")["s"])
        for path in filter(encoder_of, status.finished)
    }


def estimate_left(status: StudyStatus, finished: Mapping[str, float]) -> Estimate:
    """Device seconds of the jobs that are not done; ``finished`` has the seconds of those that are."""
    left = {path for path in filter(encoder_of, status.rules) if status.states.get(path) != "done"}
    if not left:
        return Estimate(0.0)
    runs = [] if finished else device_speed.read_measured_runs(status.root / "results")
    try:
        workload = Workload.of(status.study, status.root, device_speed.mean_lengths(runs))
    except CodeStiltsError:  # the size of an encoder is unknown until it is fetched
        return Estimate(None)
    jobs = planning.device_jobs(workload)
    if finished:
        rates = seconds_per_flop(jobs, finished)
        basis = f"at the speed of {len(finished):,} finished jobs"
    else:
        speed = device_speed.choose_speed(status.study, runs, None, device_speed.UTILISATION)
        if status.study.config.device == "cpu" and not speed.device.is_cpu:
            return Estimate(None)
        rates = defaultdict(lambda: 1 / speed.flops_per_second)
        basis = f"at the speed of {speed.device}"
    running = {
        path: attempt.seconds
        for path, attempt in status.last_attempts.items()
        if attempt.running and len(attempt.job_paths) == 1
    }
    seconds = 0.0
    for job in jobs:
        path = job.job_path
        if path in left:
            expected = job.flops.total * rates[job.rule, job.encoder]
            seconds += max(0.0, expected - running.get(path, 0.0)) * job_devices(status, path)
    return Estimate(seconds, basis)


def seconds_per_flop(jobs: list[Job], finished: Mapping[str, float]) -> Mapping[tuple[str, str], float]:
    """Seconds a FLOP by rule and encoder; the mean of all finished jobs for a rule and encoder without one."""
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    flops: dict[tuple[str, str], float] = defaultdict(float)
    for job in jobs:
        if (path := job.job_path) in finished:
            seconds[job.rule, job.encoder] += finished[path]
            flops[job.rule, job.encoder] += job.flops.total
    mean = sum(seconds.values()) / max(sum(flops.values()), 1.0)
    return defaultdict(lambda: mean, {key: seconds[key] / flops[key] for key in seconds if flops[key]})
