"""The cost of a study before it runs: its jobs, device hours, wall time, disk space and downloads."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from codestilts.config import training_jobs
from codestilts.config.doses import dose_pairs
from codestilts.config.study import Study
from codestilts.config.transferability import transferability_pairs, transferability_settings
from codestilts.errors import CodeStiltsError
from codestilts.sources.archive import matches
from codestilts.sources.table import Source
from codestilts.workflow.architectures import Architecture, find_architecture
from codestilts.workflow.device_speed import Speed
from codestilts.workflow.flops import Flops, dose_flops, retrieval_flops, training_flops, transferability_flops
from codestilts.workflow.job_paths import job_path_of, rules_by_job_path
from codestilts.workflow.scheduling import longest_chains, schedule
from codestilts.workflow.task_sizes import FILL, TaskSize, task_size

# Columns of the table of device hours. Training jobs of targets also predict; their hours are divided.
STAGES = {"train_intermediate": "intermediate", "train_temporary": "intermediate", "tune": "tuning"}
TARGET, PREDICTION = "target", "prediction"
STAGES |= {"frozen_retrieval": "retrieval", "try_doses": "tuning", "transferability": PREDICTION}
HOUR_COLUMNS = ["intermediate", "tuning", TARGET, PREDICTION, "retrieval"]


@dataclass(frozen=True)
class Job:
    """A job that needs a device; ``parents`` are the numbers of the jobs that it waits for."""

    rule: str
    wildcards: tuple[str, ...]
    flops: Flops
    parents: tuple[int, ...] = ()

    @property
    def encoder(self) -> str:
        """The encoder that it trains or predicts with."""
        return self.wildcards[0]

    @property
    def job_path(self) -> str:
        """Its path below logs/ and benchmarks/ (:mod:`codestilts.workflow.job_paths`)."""
        return job_path_of(self.rule, self.wildcards)


@dataclass(frozen=True)
class Workload:
    """A study with the architectures of its encoders and the sizes of its tasks, on which its costs depend."""

    study: Study
    architectures: Mapping[str, Architecture]
    sizes: Mapping[str, TaskSize]

    @classmethod
    def of(cls, study: Study, root: Path, lengths: Mapping[str, float], fill: float = FILL) -> "Workload":
        """Look up encoders and tasks under ``root``; ``lengths`` and ``fill`` are those of :func:`task_size`."""
        architectures = {name: find_architecture(study, name, root) for name in study.encoders}
        tasks = dict.fromkeys(study.intermediate_tasks + study.targets + study.twins)
        return cls(study, architectures, {name: task_size(study, name, root, lengths, fill) for name in tasks})


def job_counts(study: Study) -> dict[str, int]:
    """The number of jobs of each rule, from an empty folder to the report."""
    return dict(Counter(rules_by_job_path(study).values()))


def device_jobs(workload: Workload) -> list[Job]:
    """The jobs that train or predict; parents precede their children."""
    graph = _JobGraph(workload)
    study = workload.study
    for encoder, arm in dose_pairs(study):
        graph.add_dose_trials(encoder, arm)
    for encoder, arm in study.intermediate_models:
        graph.add_intermediate(encoder, arm)
    for encoder, arm, target in training_jobs.tuned_runs(study):
        graph.add_trials(encoder, arm, target)
    for encoder, arm, target in study.runs + study.twin_runs:
        graph.add_target(encoder, arm, target)
    for encoder, arm in study.encoder_arms:
        graph.add_retrieval(encoder, arm)
    for encoder, arm in transferability_pairs(study):
        graph.add_transferability(encoder, arm)
    return graph.jobs


class _JobGraph:
    """The jobs so far, and the numbers of those that train intermediate models."""

    def __init__(self, workload: Workload) -> None:
        self.jobs: list[Job] = []
        self.study, self.sizes, self.architectures = workload.study, workload.sizes, workload.architectures
        self.first_batch = next(iter(self.study.batches))  # all batches have its settings, except for the seeds
        self.dose_trials: dict[tuple[str, str], int] = {}
        self.intermediate: dict[tuple[str, str, str], int] = {}
        self.trials: dict[tuple[str, str, str], int] = {}

    def add_dose_trials(self, encoder: str, arm: str) -> None:
        """Add the job that tries all learning rates of intermediate training."""
        settings = training_jobs.dose_settings(self.study, encoder, arm)
        flops = dose_flops(self.architectures[encoder], settings, self.sizes)
        self.dose_trials[encoder, arm] = self._add("try_doses", (encoder, arm), flops)

    def add_intermediate(self, encoder: str, arm: str) -> None:
        """Add one job per batch of seeds."""
        settings = training_jobs.intermediate_settings(self.study, encoder, arm, self.first_batch)
        flops = training_flops(self.architectures[encoder], settings, self.sizes)
        rule = "train_intermediate" if arm in self.study.kept_parents else "train_temporary"
        parents = [self.dose_trials[encoder, arm]] if self.dose_trials else []
        for batch, seeds in self.study.batches.items():
            number = self._add(rule, (encoder, arm, batch), flops * len(seeds), parents)
            self.intermediate[encoder, arm, batch] = number

    def add_trials(self, encoder: str, arm: str, target: str) -> None:
        """Add the job that tries all learning rates of a target."""
        settings = training_jobs.tuning_settings(self.study, encoder, arm, target)
        untested = not settings.tests
        trial = training_flops(self.architectures[encoder], settings.training, self.sizes, trial=untested)
        parents = self._intermediate_parents(encoder, arm, self.first_batch)
        flops = trial * len(settings.learning_rates)
        self.trials[encoder, arm, target] = self._add("tune", (encoder, arm, target), flops, parents)

    def add_target(self, encoder: str, arm: str, target: str) -> None:
        """Add one job per batch of seeds, after the trials that choose its learning rate, if there are any."""
        settings = training_jobs.target_settings(self.study, encoder, arm, target, self.first_batch)
        tuned = (encoder, training_jobs.tuned_arm(self.study, arm), target)
        trials = [self.trials[tuned]] if self.trials else []
        flops = training_flops(self.architectures[encoder], settings, self.sizes)
        for batch, seeds in self.study.batches.items():
            parents = [*self._intermediate_parents(encoder, arm, batch), *trials]
            self._add("train_target", (encoder, arm, target, batch), flops * len(seeds), parents)

    def add_retrieval(self, encoder: str, arm: str) -> None:
        """Add one job per batch of seeds, which predicts all untrained targets."""
        settings = training_jobs.retrieval_settings(self.study, encoder, arm, self.first_batch)
        flops = retrieval_flops(self.architectures[encoder], settings, self.sizes)
        for batch, seeds in self.study.batches.items():
            parents = self._intermediate_parents(encoder, arm, batch)
            self._add("frozen_retrieval", (encoder, arm, batch), flops * len(seeds), parents)

    def add_transferability(self, encoder: str, arm: str) -> None:
        """Add the job that predicts which targets an arm's task helps."""
        settings = transferability_settings(self.study, encoder, arm)
        flops = transferability_flops(self.architectures[encoder], settings, self.sizes)
        parents = self._intermediate_parents(encoder, arm, self.first_batch)
        self._add("transferability", (encoder, arm), flops, parents)

    def _add(self, rule: str, wildcards: tuple[str, ...], flops: Flops, parents: Iterable[int] = ()) -> int:
        self.jobs.append(Job(rule, wildcards, flops, tuple(parents)))
        return len(self.jobs) - 1

    def _intermediate_parents(self, encoder: str, arm: str, batch: str) -> list[int]:
        parent = self.study.parent_arm(arm)
        return [self.intermediate[encoder, parent, batch]] if parent else []


def device_hours(jobs: Sequence[Job], speed: Speed) -> pd.DataFrame:
    """Device hours by encoder and stage, with sums; predictions of targets apart from their training."""
    parts = []
    for job in jobs:
        if job.rule == "train_target":
            parts.append((job.encoder, TARGET, speed.seconds(Flops(training=job.flops.training))))
            parts.append((job.encoder, PREDICTION, speed.seconds(Flops(forward=job.flops.forward))))
        else:
            parts.append((job.encoder, STAGES[job.rule], speed.seconds(job.flops)))
    hours = pd.DataFrame(parts, columns=["encoder", "stage", "hours"]).assign(hours=lambda table: table["hours"] / 3600)
    table = hours.pivot_table("hours", "encoder", "stage", "sum", fill_value=0.0, margins=True, margins_name="all")
    return table.reindex(columns=[*HOUR_COLUMNS, "all"], fill_value=0.0).rename_axis(None).rename_axis(None, axis=1)


def longest_jobs(jobs: Sequence[Job], speed: Speed) -> "pd.Series[float]":
    """Hours of the longest job of each rule."""
    hours = pd.Series([speed.seconds(job.flops) / 3600 for job in jobs], dtype=float)
    return hours.groupby([job.rule for job in jobs]).max()


def wall_time(jobs: Sequence[Job], speed: Speed, devices: Iterable[int]) -> pd.DataFrame:
    """Days until the last training or prediction is done, and the share of time that devices are busy, by devices."""
    durations = [speed.seconds(job.flops) for job in jobs]
    rows = []
    for count in devices:
        end = max(job_ends(jobs, speed, count), default=0.0)
        rows.append({"devices": count, "days": end / 86400, "busy": sum(durations) / (count * end) if end else 1.0})
    return pd.DataFrame(rows)


def job_ends(jobs: Sequence[Job], speed: Speed, devices: int) -> list[float]:
    """When each job ends, in seconds. Readers of temporary models run first, as in the rules (``READERS_FIRST``)."""
    durations, parents = [speed.seconds(job.flops) for job in jobs], [job.parents for job in jobs]
    temporary = any(job.rule == "train_temporary" for job in jobs)
    trainers = ("try_doses", "train_intermediate", "train_temporary")  # of models that others read
    first = {number for number, job in enumerate(jobs) if temporary and job.rule not in trainers}
    return schedule(durations, parents, devices, first)


def critical_path(jobs: Sequence[Job], speed: Speed) -> float:
    """Seconds of the longest chain of jobs, which no number of devices shortens."""
    durations = [speed.seconds(job.flops) for job in jobs]
    return max(longest_chains(durations, [job.parents for job in jobs]), default=0.0)


@dataclass(frozen=True)
class Downloads:
    """Bytes of the sources, and the names of those of unknown size and of local ones."""

    bytes: int
    unknown: list[str]
    local: list[str]


def downloads(study: Study, ask: Callable[[Source], int] | None = None) -> Downloads:
    """The downloads of a study; ``ask`` looks up the size of a source that ``sources.csv`` has no size of."""
    total, unknown, local = 0, list[str](), list[str]()
    for source in (study.sources[name] for name in study.used_sources):
        if source.kind == "local":
            local.append(source.name)
            continue
        size = source.bytes or (ask(source) if ask else 0)
        total += size
        if not size:
            unknown.append(source.name)
    return Downloads(total, unknown, local)


def hub_bytes(source: Source) -> int:
    """Bytes of the files that are fetched from a hub repository; 0 for other sources, or if the hub lacks it."""
    from codestilts.sources.hub import ALWAYS, listing, refused_patterns

    if source.kind != "hub":
        return 0
    try:
        files = listing(source)
    except CodeStiltsError:
        return 0
    keep = (*source.keep, *ALWAYS, *(f"!{pattern}" for pattern in refused_patterns(source)))
    return sum(size for name, size in files.items() if matches(name, keep))
