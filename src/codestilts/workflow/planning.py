"""A study before it runs: its jobs, the hours they take, when they are done on so many devices, and its bytes."""

import heapq
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from codestilts.config.study import Study
from codestilts.config.training_jobs import intermediate_settings, retrieval_settings, target_settings
from codestilts.errors import CodeStiltsError
from codestilts.sources.archive import matches
from codestilts.sources.table import Source
from codestilts.workflow import flops
from codestilts.workflow.flops import (
    Architecture,
    Examples,
    Measured,
    Work,
    architecture,
    examples_of,
    probe_work,
    run_work,
)
from codestilts.workflow.job_paths import place, rules_by_place

# Peak FLOP/s of dense matrix products by the makers' data sheets: bf16, with which fp16 is counted, and fp32 without
# TF32. A V100 has no bf16 and falls back to fp32.
GPUS: dict[str, tuple[float, float]] = {
    "A100": (312e12, 19.5e12),
    "H100": (989e12, 67e12),
    "L40S": (362e12, 91.6e12),
    "A10": (125e12, 31.2e12),
    "RTX4090": (165e12, 82.6e12),
    "V100": (15.7e12, 15.7e12),
}
UTILISATION = 0.35  # share of the bf16 peak that training reaches
SINGLE = 0.7  # share of the fp32 peak: so much slower that memory hardly matters
ROW = 120  # bytes of a prediction
FLOAT = 4  # bytes of a stored weight


@dataclass(frozen=True)
class Job:
    """One job for one device; ``parents`` are the numbers of those that it waits for."""

    rule: str
    wildcards: tuple[str, ...]
    work: Work
    parents: tuple[int, ...] = ()

    @property
    def encoder(self) -> str:
        """The encoder that it trains or predicts with."""
        return self.wildcards[0]

    @property
    def place(self) -> str:
        """Where its log and its benchmark are (:mod:`codestilts.workflow.job_paths`)."""
        return place(self.rule, self.wildcards)


@dataclass(frozen=True)
class Speed:
    """How fast a device trains and predicts, in FLOP/s, and how that is known."""

    name: str
    train: float
    forward: float

    def seconds(self, work: Work) -> float:
        """How long some work takes."""
        return work.train / self.train + work.forward / self.forward


@dataclass(frozen=True)
class Costs:
    """A study with what its costs depend on."""

    study: Study
    shapes: Mapping[str, Architecture]
    examples: Mapping[str, Examples]

    @classmethod
    def of(cls, study: Study, root: Path, lengths: Mapping[str, float], fill: float) -> "Costs":
        """Look up encoders and tasks under ``root``."""
        shapes = {name: architecture(study, name, root) for name in study.encoders}
        tasks = dict.fromkeys(study.intermediate_tasks + study.targets)
        return cls(study, shapes, {name: examples_of(study, name, root, lengths, fill) for name in tasks})


def stated_speed(gpu: str, utilisation: float, half: bool) -> Speed:
    """The speed of a GPU by its data sheet and an assumed utilisation."""
    if gpu not in GPUS:
        raise CodeStiltsError(f"--gpu {gpu}: unknown; there are {', '.join(GPUS)}")
    rates = {"bf16": GPUS[gpu][0] * utilisation, "fp32": GPUS[gpu][1] * SINGLE}
    rate = rates["bf16" if half else "fp32"]  # training and prediction compute alike
    return Speed(gpu, rate, rate)


def choose_speed(study: Study, runs: Sequence[Measured], gpu: str | None, share: float) -> tuple[Speed, list[str]]:
    """The speed that a plan counts with, and lines that say where it is from and how well it fits the runs.

    That of the device with the most runs, unless a GPU is named; what a processor does says nothing of a study in
    bf16 or fp16, which are meant for GPUs.
    """
    half = any(study.config[phase]["precision"] in ("bf16", "fp16") for phase in ("intermediate", "target"))
    devices: dict[str, list[Measured]] = {}
    for run in runs:
        devices.setdefault(run.device, []).append(run)
    lines = [f"Measured: {device}: {fit(own)}" for device, own in devices.items()]
    lines = lines or ["Measured: no finished run tells a speed, so the error of this plan is unknown"]
    fitting = [name for name in devices if not half or not name.startswith("cpu")]
    if fitting and not gpu:
        chosen = max(fitting, key=lambda name: len(devices[name]))
        rate = flops.speed(devices[chosen])
        return Speed(chosen, rate, rate), [*lines, f"Counted with: {chosen}, as measured"]
    speed = stated_speed(gpu or next(iter(GPUS)), share, half)
    how = f"{share:.0%} of its bf16 peak and {SINGLE:.0%} of its fp32 peak on its data sheet"
    rates = f"{speed.train / 1e12:.3g} TFLOP/s in training, {speed.forward / 1e12:.3g} in predicting"
    return speed, [*lines, f"Counted with: {speed.name}, {how}: {rates}"]


def fit(runs: list[Measured]) -> str:
    """The speed of a device's runs, and how well it predicts them."""
    text, off = f"{flops.speed(runs) / 1e9:,.1f} GFLOP/s in {len(runs)} runs", flops.errors(runs)
    if not off:
        return f"{text}, all of one kind, so the error of this plan is unknown"
    told = f"{statistics.median(off):.0%} off in the median, {max(off):.0%} at worst"
    return f"{text}; the time of a run, predicted from other kinds of runs, is {told}"


def job_counts(study: Study) -> dict[str, int]:
    """How many jobs each rule has, from an empty folder to the report."""
    return dict(Counter(rules_by_place(study).values()))


def gpu_jobs(costs: Costs) -> list[Job]:
    """The jobs that train and predict, each after those that it waits for."""
    study, jobs = costs.study, list[Job]()
    batches, first = study.batches, next(iter(study.batches))
    phase_2: dict[tuple[str, str, str], int] = {}

    def add(rule: str, wildcards: tuple[str, ...], work: Work, parents: Iterable[int] = ()) -> int:
        jobs.append(Job(rule, wildcards, work, tuple(parents)))
        return len(jobs) - 1

    def parents(encoder: str, arm: str, batch: str) -> list[int]:
        parent = study.parent_arm(arm)
        return [phase_2[encoder, parent, batch]] if parent else []

    for encoder, arm in study.phase_2:
        work = run_work(costs.shapes[encoder], intermediate_settings(study, encoder, arm, first), costs.examples)
        for batch, seeds in batches.items():
            phase_2[encoder, arm, batch] = add("train_intermediate", (encoder, arm, batch), work * len(seeds))
    for encoder, arm, target in study.runs:
        shape, job = costs.shapes[encoder], target_settings(study, encoder, arm, target, first)
        tried = []
        if rates := len(study.learning_rates):
            trial = run_work(shape, job, costs.examples, tested=False)
            tried = [add("tune", (encoder, arm, target), trial * rates, parents(encoder, arm, first))]
        work = run_work(shape, job, costs.examples)
        for batch, seeds in batches.items():
            before = [*parents(encoder, arm, batch), *tried]
            add("train_target", (encoder, arm, target, batch), work * len(seeds), before)
    for encoder, arm in study.cells:
        work = probe_work(costs.shapes[encoder], retrieval_settings(study, encoder, arm, first), costs.examples)
        for batch, seeds in batches.items():
            add("probe", (encoder, arm, batch), work * len(seeds), parents(encoder, arm, batch))
    return jobs


def tails(durations: Sequence[float], parents: Sequence[Iterable[int]]) -> list[float]:
    """For each job the longest chain of jobs that begins with it; parents stand before their children."""
    longest = list(durations)
    for job in reversed(range(len(durations))):
        for parent in parents[job]:
            longest[parent] = max(longest[parent], durations[parent] + longest[job])
    return longest


def makespan(durations: Sequence[float], parents: Sequence[Iterable[int]], machines: int) -> float:
    """When all jobs are done by list scheduling: a free machine takes the ready job with the longest chain after it.

    At most twice the shortest possible time (Graham 1969, SIAM J. Appl. Math. 17, 416-429).
    """
    tail = tails(durations, parents)
    waiting = [len(set(before)) for before in parents]
    children: list[list[int]] = [[] for _ in durations]
    for job, before in enumerate(parents):
        for parent in set(before):
            children[parent].append(job)
    ready = [(-tail[job], job) for job, count in enumerate(waiting) if count == 0]
    heapq.heapify(ready)
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < machines:
            _, job = heapq.heappop(ready)
            heapq.heappush(running, (now + durations[job], job))
        now, done = heapq.heappop(running)
        for job in children[done]:
            waiting[job] -= 1
            if waiting[job] == 0:
                heapq.heappush(ready, (-tail[job], job))
    return now


def hours(jobs: Sequence[Job], speed: Speed) -> pd.DataFrame:
    """Device hours by encoder and phase; predictions of phase 3 apart from its training."""
    names = {"train_intermediate": "phase 2", "tune": "tuning", "probe": "untrained targets"}
    table: dict[tuple[str, str], float] = defaultdict(float)
    for job in jobs:
        if job.rule == "train_target":
            table[job.encoder, "phase 3"] += speed.seconds(Work(train=job.work.train)) / 3600
            table[job.encoder, "its predictions"] += speed.seconds(Work(forward=job.work.forward)) / 3600
        else:
            table[job.encoder, names[job.rule]] += speed.seconds(job.work) / 3600
    columns = ["phase 2", "tuning", "phase 3", "its predictions", "untrained targets"]
    encoders = list(dict.fromkeys(job.encoder for job in jobs))
    frame = pd.DataFrame({name: [table[encoder, name] for encoder in encoders] for name in columns}, index=encoders)
    return pd.concat([frame, frame.sum().to_frame("all").T]).assign(all=lambda table: table.sum(axis=1))


def wall(jobs: Sequence[Job], speed: Speed, machines: Iterable[int]) -> pd.DataFrame:
    """Days until all is trained and predicted on so many devices, and how busy they are."""
    durations, parents = [speed.seconds(job.work) for job in jobs], [job.parents for job in jobs]
    rows = []
    for count in machines:
        end = makespan(durations, parents, count)
        rows.append({"devices": count, "days": end / 86400, "busy": sum(durations) / (count * end) if end else 1.0})
    return pd.DataFrame(rows).set_index("devices")


def critical_path(jobs: Sequence[Job], speed: Speed) -> float:
    """Seconds of the longest chain of jobs, which no number of devices shortens."""
    return max(tails([speed.seconds(job.work) for job in jobs], [job.parents for job in jobs]), default=0.0)


def disk(costs: Costs, running: int) -> dict[str, float]:
    """Bytes that a study keeps, and at most needs at once while ``running`` jobs train.

    A checkpoint has the weights and the optimiser's two moments of each that is trained; the last one is there until
    the next is written.
    """
    study, seeds = costs.study, len(costs.study.config["seeds"])

    def stored(encoder: str, phase: str) -> int:
        shape = costs.shapes[encoder]
        return FLOAT * (shape.parameters - study.config[phase]["freeze_embeddings"] * shape.word_embeddings)

    def checkpoint(encoder: str, phase: str) -> int:
        return 2 * (FLOAT * costs.shapes[encoder].parameters + 2 * stored(encoder, phase))

    kinds = len(study.config["target"]["selection"])
    runs = Counter(target for *_, target in study.runs)
    rows = sum(count * costs.examples[target].test * kinds for target, count in runs.items())
    rows += sum(costs.examples[target].test for targets in study.cells.values() for target in targets
                if target in study.untrained_targets)  # fmt: skip
    flight = max(checkpoint(name, phase) for name in study.encoders for phase in ("intermediate", "target"))
    return {
        "encoders": sum(FLOAT * shape.parameters for shape in costs.shapes.values()),
        "models of phase 2": seeds * sum(stored(encoder, "intermediate") for encoder, _ in study.phase_2),
        "models of phase 3": seeds * sum(stored(encoder, "target") for encoder, *_ in study.runs)
        * study.config["keep_models"],
        "predictions": float(rows * seeds * ROW),
        "checkpoints in flight": float(flight * running),
    }  # fmt: skip


def downloads(study: Study, ask: Callable[[Source], int] | None = None) -> tuple[int, list[str], list[str]]:
    """Bytes of the sources, and the names of those whose size is unknown and of those that are local.

    ``ask`` tells the bytes of a repository of the hub, whose size ``sources.csv`` need not have.
    """
    total, unknown, local = 0, list[str](), list[str]()
    for source in (study.sources[name] for name in study.used_sources):
        if source.kind == "local":
            local.append(source.name)
            continue
        size = source.bytes or (ask(source) if ask else 0)
        total += size
        if not size:
            unknown.append(source.name)
    return total, unknown, local


def hub_bytes(source: Source) -> int:
    """Bytes of the files that are fetched of a repository, 0 where the hub does not have it (as no address)."""
    from codestilts.sources.hub import ALWAYS, REFUSED, WEIGHTS, listing

    if source.kind != "hub":
        return 0
    try:
        files = listing(source)
    except CodeStiltsError:
        return 0
    refused = [pattern for pattern in REFUSED if WEIGHTS not in source.keep or pattern != "*.bin"]
    keep = (*source.keep, *ALWAYS, *(f"!{pattern}" for pattern in refused))
    return sum(size for name, size in files.items() if matches(name, keep))
