"""Device hours of a study that has begun: what it has taken so far, and what is likely to come."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from codestilts.errors import CodeStiltsError
from codestilts.workflow import flops, planning
from codestilts.workflow.benchmarks import benchmark
from codestilts.workflow.job_paths import encoder_of
from codestilts.workflow.planning import Job
from codestilts.workflow.status import Progress

UNKNOWN = "how many to go the first jobs will tell"


@dataclass(frozen=True)
class Hours:
    """Hours of all devices together, and how those to go are known."""

    so_far: float
    lost: float  # of these, in attempts that failed
    to_go: float
    how: str


def devices(progress: Progress, job_path: str) -> int:
    """The devices of a job: its GPUs, or the one processor of a study without."""
    return progress.study.gpus(encoder_of(job_path) or "") or 1


def hours(progress: Progress) -> Hours:
    """What attempts in Slurm took, else the benchmarks; what is left at the speed of what is done."""
    took = seconds(progress)
    by_slurm = {name for attempt in progress.attempts if attempt.state == "COMPLETED" for name in attempt.job_paths}
    here = sum(each * devices(progress, name) for name, each in took.items() if name not in by_slurm)
    on_gpu = progress.study.config.device == "gpu"
    cost_of = {
        attempt.slurm_id: attempt.seconds * (attempt.gpus if on_gpu else 1)
        for attempt in progress.attempts
        if any(map(encoder_of, attempt.job_paths))
    }
    lost = sum(cost_of.get(attempt.slurm_id, 0.0) for attempt in progress.attempts if attempt.failed)
    to_go, how = left(progress, took)
    return Hours((here + sum(cost_of.values())) / 3600, lost / 3600, to_go / 3600, how)


def seconds(progress: Progress) -> dict[str, float]:
    """How long each finished job that computes held its device: in Slurm with its start, else as benchmarked."""
    slurm = {
        attempt.job_paths[0]: attempt.seconds
        for attempt in progress.attempts
        if attempt.state == "COMPLETED" and len(attempt.job_paths) == 1
    }
    done = filter(encoder_of, progress.finished)
    folder = progress.results / "benchmarks"
    return {name: slurm[name] if name in slurm else float(benchmark(folder / f"{name}.tsv")["s"]) for name in done}


def left(progress: Progress, took: Mapping[str, float]) -> tuple[float, str]:
    """Device seconds of the jobs that are not done, and how they are known."""
    open_job_paths = {name for name in filter(encoder_of, progress.rules) if progress.states.get(name) != "done"}
    if not open_job_paths:
        return 0.0, "none to go"
    runs = [] if took else flops.measured(progress.root / "results")
    try:
        costs = planning.Costs.of(progress.study, progress.root, flops.lengths(runs), flops.FILL)
    except CodeStiltsError:  # of an encoder that is not fetched yet nobody knows the size
        return 0.0, UNKNOWN
    jobs = planning.gpu_jobs(costs)
    if took:
        rates, how = measured_rates(jobs, took), f"at the speed of the {len(took):,} that are done"
    else:
        speed, _ = planning.choose_speed(progress.study, runs, None, planning.UTILISATION)
        if progress.study.config.device == "cpu" and not speed.name.startswith("cpu"):
            return 0.0, UNKNOWN
        rates, how = defaultdict(lambda: 1 / speed.train), f"at the speed of {speed.name}"
    spent = {name: each.seconds for name, each in progress.last.items() if each.running and len(each.job_paths) == 1}
    total = 0.0
    for job in jobs:
        if job.job_path in open_job_paths:
            expected = job_flops(job) * rates[job.rule, job.encoder]
            total += max(0.0, expected - spent.get(job.job_path, 0.0)) * devices(progress, job.job_path)
    return total, how


def job_flops(job: Job) -> float:
    """All that a job computes."""
    return job.work.train + job.work.forward


def measured_rates(jobs: list[Job], took: Mapping[str, float]) -> Mapping[tuple[str, str], float]:
    """Seconds a FLOP of each rule and encoder, and where none of them is done yet, of all that is done."""
    spent: dict[tuple[str, str], float] = defaultdict(float)
    worked: dict[tuple[str, str], float] = defaultdict(float)
    for job in jobs:
        if job.job_path in took:
            spent[job.rule, job.encoder] += took[job.job_path]
            worked[job.rule, job.encoder] += job_flops(job)
    overall = sum(spent.values()) / max(sum(worked.values()), 1.0)
    return defaultdict(lambda: overall, {key: spent[key] / worked[key] for key in spent if worked[key]})
