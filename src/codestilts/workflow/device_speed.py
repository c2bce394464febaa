"""How fast devices train and predict: as finished runs have measured it, or as data sheets state it."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from codestilts.columns import Record
from codestilts.config.study import Study
from codestilts.config.training_settings import TrainingSettings
from codestilts.display_names import counted
from codestilts.errors import CodeStiltsError
from codestilts.job_files import read_json
from codestilts.result_files import examples_of, reading_record, training_records
from codestilts.workflow.architectures import Architecture, parse_architecture
from codestilts.workflow.flops import Flops, training_flops
from codestilts.workflow.task_sizes import built_size, sequences_per_example

FEWEST_STEPS = 30  # of a run that measures a speed: in a shorter one the start takes most of the time
UTILISATION = 0.35  # share of its bf16 peak that a GPU reaches in training
FP32_UTILISATION = 0.7  # share of its fp32 peak: arithmetic is so much slower that memory hardly matters
SETTINGS = TypeAdapter(TrainingSettings)


@dataclass(frozen=True)
class Gpu:
    """A GPU by its maker's data sheet: peak FLOP/s of dense matrix products, and board power in watts.

    ``fp16`` is the peak in bf16 too, unless the GPU ``lacks_bf16``, with sums in fp32; ``fp32`` is without TF32. A100,
    H100, H200 and V100 are the SXM modules.
    """

    fp16: float
    fp32: float
    watts: float
    lacks_bf16: bool = False


GPUS = {
    "A100": Gpu(312e12, 19.5e12, 400),
    "H100": Gpu(989e12, 67e12, 700),
    "L40S": Gpu(362e12, 91.6e12, 350),
    "A10": Gpu(125e12, 31.2e12, 150),
    "RTX4090": Gpu(165e12, 82.6e12, 450),
    "V100": Gpu(125e12, 15.7e12, 300, lacks_bf16=True),
    "H200": Gpu(989e12, 67e12, 700),
    "A30": Gpu(165e12, 10.3e12, 165),
    "A40": Gpu(150e12, 37.4e12, 300),
    "L40": Gpu(181e12, 90.5e12, 300),
    "L4": Gpu(121e12, 30.3e12, 72),
    "RTXA6000": Gpu(155e12, 38.7e12, 300),
    "RTX3090": Gpu(71e12, 35.6e12, 350),
    "T4": Gpu(65e12, 8.1e12, 70, lacks_bf16=True),
}


@dataclass(frozen=True)
class Device:
    """What a run computes with, as its record says (``cpu``, or the name of a GPU), or a GPU of :data:`GPUS`."""

    name: str
    processor: str = ""
    threads: int = 1

    @property
    def is_cpu(self) -> bool:
        """Whether it is no GPU."""
        return self.name == "cpu"

    def __str__(self) -> str:
        return f"{self.name} ({self.processor}, {counted(self.threads, 'thread')})" if self.processor else self.name


@dataclass(frozen=True)
class Speed:
    """FLOP/s of a device, and whether runs have measured it."""

    device: Device
    flops_per_second: float
    measured: bool = False

    def seconds(self, flops: Flops) -> float:
        """The time that some work takes."""
        return flops.total / self.flops_per_second


@dataclass(frozen=True)
class MeasuredRun:
    """A finished training run: what it computed, where, and how long it took."""

    device: Device
    group: str  # study, encoder and target (or intermediate): runs of one group are alike
    flops: Flops
    seconds: float
    task: str  # "" if it trained on several
    sequence_tokens: float


def read_measured_runs(results: Path) -> list[MeasuredRun]:
    """The runs of all studies under ``results`` that are long enough to measure a speed.

    Runs of another version of the code, whose settings have other fields, are skipped.
    """
    runs = []
    for study in sorted(path for path in results.glob("*") if path.is_dir()):
        architectures: dict[str, Architecture] = {}
        for path in training_records(study):
            record = read_json(path)
            try:
                with reading_record(path):
                    recorded = record["settings"]
                settings = SETTINGS.validate_python(recorded)
            except ValidationError:
                continue
            config = study / "encoders" / record["encoder"] / "config.json"
            if record["steps"] >= FEWEST_STEPS and config.exists():
                if record["encoder"] not in architectures:
                    architectures[record["encoder"]] = parse_architecture(config.read_bytes(), str(config))
                runs.append(_measured_run(study, record, settings, architectures[record["encoder"]]))
    return runs


def _measured_run(study: Path, record: Record, settings: TrainingSettings, encoder: Architecture) -> MeasuredRun:
    sizes = {}
    for task, spec in settings.tasks.items():
        sequences = sequences_per_example(spec.type, spec.options.pairs)
        tokens = record["tokens"] / record["examples_seen"] / sequences
        sizes[task] = built_size(study / examples_of(task), tokens, sequences)
    first, *others = sizes
    return MeasuredRun(
        device=Device(record["device"], record["processor"], record["threads"]),
        group=f"{study.name} / {record['encoder']} / {record.get('target') or 'intermediate'}",
        flops=training_flops(encoder, settings, sizes, record["tokens"]),
        seconds=record["seconds"],
        task="" if others else first,
        sequence_tokens=sizes[first].sequence_tokens,
    )


def measured_speed(runs: Sequence[MeasuredRun]) -> Speed:
    """The speed of runs on one device: all FLOPs over all seconds."""
    return Speed(runs[0].device, sum(run.flops.total for run in runs) / sum(run.seconds for run in runs), measured=True)


def prediction_errors(runs: Sequence[MeasuredRun]) -> list[float]:
    """Relative error of each run's time as predicted by the speed of the other groups; none if there is one group."""
    groups = {run.group for run in runs}
    if len(groups) < 2:
        return []
    others = {group: measured_speed([run for run in runs if run.group != group]) for group in groups}
    return [abs(others[run.group].seconds(run.flops) / run.seconds - 1) for run in runs]


def mean_lengths(runs: Iterable[MeasuredRun]) -> dict[str, float]:
    """Mean tokens of a sequence by task, from the runs that trained on that task alone."""
    by_task = sorted((run for run in runs if run.task), key=lambda run: run.task)
    return {
        task: statistics.fmean(run.sequence_tokens for run in group)
        for task, group in groupby(by_task, key=lambda run: run.task)
    }


def by_device(runs: Iterable[MeasuredRun]) -> dict[Device, list[MeasuredRun]]:
    """Runs by device, in the order of the first run."""
    devices: dict[Device, list[MeasuredRun]] = {}
    for run in runs:
        devices.setdefault(run.device, []).append(run)
    return devices


def choose_speed(study: Study, runs: Iterable[MeasuredRun], gpu: str | None, utilisation: float) -> Speed:
    """The speed of ``gpu`` by its data sheet if one is named; else of the device with the most runs; else of an A100.

    Runs on a CPU do not count for a study on GPUs in bf16 or fp16.

    Raises:
        CodeStiltsError: No data sheet of ``gpu`` is known.
    """
    half = {study.config.intermediate.precision, study.config.target.precision} & {"bf16", "fp16"}
    without_cpu = bool(half) and study.config.device == "gpu"
    devices = by_device(run for run in runs if not (without_cpu and run.device.is_cpu))
    if devices and not gpu:
        device = max(devices, key=lambda name: len(devices[name]))
        return measured_speed(devices[device])
    gpu = gpu or next(iter(GPUS))
    if gpu not in GPUS:
        raise CodeStiltsError(f"--gpu {gpu}: unknown GPU; choose one of {', '.join(GPUS)}")
    card = GPUS[gpu]
    if card.lacks_bf16:  # then fp32 takes its place (training.precision.supported)
        half -= {"bf16"}
    return Speed(Device(gpu), card.fp16 * utilisation if half else card.fp32 * FP32_UTILISATION)
