"""The text of ``make plan``."""

import statistics
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from codestilts.display_names import counted
from codestilts.sources.table import Source
from codestilts.workflow import planning
from codestilts.workflow.device_speed import (
    FP32_UTILISATION,
    MeasuredRun,
    Speed,
    by_device,
    measured_speed,
    prediction_errors,
)
from codestilts.workflow.disk_space import disk_use, with_settings
from codestilts.workflow.energy import energy_text
from codestilts.workflow.flops import Flops
from codestilts.workflow.planning import Job, Workload

ORIGINS = {
    "built": "counted in the built examples",
    "published": "as requested by the study, at most the size of the published data set",
    "requested": "as requested by the study; the data set may have fewer",
}
WIDTH = 120  # characters of a line
ASSUMPTIONS = """\
Assumptions: training reads the tokens of its budget. Where examples are counted (epochs, predictions), a sequence has
the mean length measured in runs of its task, else the share --fill of max_length. Not counted: the start of each job,
jobs without a device, the time that tokens of a search wait for each other; on disk, archives, examples, logs, and the
heads in checkpoints."""


@dataclass(frozen=True)
class Plan:
    """A study's jobs at a speed, and the numbers of devices to plan for; ``gpu`` is the one that the user named."""

    workload: Workload
    jobs: Sequence[Job]
    speed: Speed
    devices: Sequence[int]
    utilisation: float
    gpu: str | None = None


def plan_text(plan: Plan, runs: Sequence[MeasuredRun], ask: Callable[[Source], int] | None) -> str:
    """Return the text that ``make plan`` prints.

    Args:
        plan: The plan.
        runs: Finished runs, which tell how well a speed predicts run times.
        ask: Looks up the size of a source that ``sources.csv`` has no size of; None: such sizes are unknown.
    """
    study = plan.workload.study
    total = sum((job.flops for job in plan.jobs), Flops())
    hours = planning.device_hours(plan.jobs, plan.speed)
    longest = planning.critical_path(plan.jobs, plan.speed) / 3600
    work = f"{total.training:.2g} FLOPs of training and {total.forward:.2g} of prediction"
    return "\n\n".join(
        [
            f"Study {study.name}: {counted(len(study.encoders), 'encoder')}, {counted(len(study.arms), 'arm')}, "
            f"{counted(len(study.targets), 'target')}, {counted(len(study.config.seeds), 'seed')}",
            speed_text(plan, runs),
            jobs_text(plan),
            f"Device hours on {plan.speed.device} ({work})\n{as_text(hours)}",
            textwrap.fill(energy_of_plan(plan, float(hours["all"]["all"])), WIDTH),
            f"Wall time (the longest chain of jobs takes {number(longest)} hours)\n"
            + planning.wall_time(plan.jobs, plan.speed, plan.devices).to_string(
                index=False, formatters={"days": number, "busy": "{:.0%}".format}
            ),
            disk_text(plan),
            downloads_text(plan, ask),
            *sizes_text(plan),
            ASSUMPTIONS,
        ]
    )


def energy_of_plan(plan: Plan, hours: float) -> str:
    """Return the energy of device hours in words; those of a GPU say nothing about a study that runs on a CPU."""
    if plan.workload.study.config.device == "cpu" and not (plan.gpu or plan.speed.device.is_cpu):
        return "Energy: unknown, because no run has measured the speed of a CPU yet, on which this study runs"
    return energy_text([(plan.speed.device, hours)])


def as_text(table: pd.DataFrame) -> str:
    """Return a table as aligned text."""
    return table.to_string(float_format=number)


def number(value: float) -> str:
    """Return a number with two decimals or, below one, with two digits."""
    return f"{value:,.2f}" if value >= 1 else f"{value:.2g}"


def speed_text(plan: Plan, runs: Sequence[MeasuredRun]) -> str:
    """The measured speeds with their errors, and the speed that the plan assumes."""
    lines = [f"Measured: {device}: {fit_text(own)}" for device, own in by_device(runs).items()]
    lines = lines or ["Measured: nothing yet. No finished run is long enough, so the error of this plan is unknown"]
    if plan.speed.measured:
        return "\n".join([*lines, f"Assumed: the measured speed of {plan.speed.device}"])
    shares = f"{plan.utilisation:.0%} of the bf16 peak or {FP32_UTILISATION:.0%} of the fp32 peak of its data sheet"
    rate = f"{plan.speed.flops_per_second / 1e12:.3g} TFLOP/s"
    return "\n".join([*lines, f"Assumed: {plan.speed.device} at {rate} ({shares})"])


def fit_text(runs: Sequence[MeasuredRun]) -> str:
    """The speed of a device's runs, and how well it predicts their times."""
    speed = f"{measured_speed(runs).flops_per_second / 1e9:,.1f} GFLOP/s in {counted(len(runs), 'run')}"
    errors = prediction_errors(runs)
    if not errors:
        return f"{speed}, all of one kind, so the error of this plan is unknown"
    error = f"median error {statistics.median(errors):.0%}, maximum {max(errors):.0%}"
    return f"{speed}; {error} when run times are predicted from other kinds of runs"


def jobs_text(plan: Plan) -> str:
    """Jobs of each rule, and the hours of the longest one of those that need a device."""
    counts = pd.DataFrame({"jobs": planning.job_counts(plan.workload.study)})
    longest = planning.longest_jobs(plan.jobs, plan.speed).reindex(counts.index)
    counts["longest (hours)"] = longest.map(number, na_action="ignore").fillna("")
    return f"Jobs: {counts['jobs'].sum():,}\n{as_text(counts)}"


def disk_text(plan: Plan) -> str:
    """Disk space by kind of file: of the study, and with other settings of what it keeps and how it stores it."""
    running = max(plan.devices)
    config = plan.workload.study.config
    columns: dict[str, dict[str, Any]] = {"this study": {}}
    for keep in ("none", "all"):
        for name, precision in (("fp32", "fp32"), ("16 bits", "fp16")):
            columns[f"{keep}, {name}"] = {"keep_models": keep, "store_precision": precision}
    table = pd.DataFrame({name: _disk_column(plan, running, settings) for name, settings in columns.items()})
    kept = config.keep_models if isinstance(config.keep_models, str) else f"[{', '.join(config.keep_models)}]"
    return (
        f"Disk space in GB with {counted(running, 'job')} training at once; this study has keep_models: {kept} and "
        f"store_precision: {config.store_precision}\n{as_text(table)}"
    )


def _disk_column(plan: Plan, running: int, settings: dict[str, Any]) -> dict[str, float]:
    """Gigabytes by kind of file with some other settings."""
    workload, jobs = with_settings(plan.workload, plan.jobs, **settings)
    use = disk_use(workload, jobs, plan.speed, running)
    rows = {
        "encoders": use.encoders,
        "intermediate models": use.intermediate_models,
        "target models": use.target_models,
        "predictions": use.predictions,
        "kept in all": use.kept,
        "temporary models": use.temporary_models,
        "checkpoints of running jobs": use.checkpoints,
        "peak": use.peak,
    }
    return {name: size / 1e9 for name, size in rows.items()}


def downloads_text(plan: Plan, ask: Callable[[Source], int] | None) -> str:
    """Bytes to download, and the sources that they leave out."""
    study = plan.workload.study
    fetched = planning.downloads(study, ask)
    text = f"Downloads: {fetched.bytes / 1e9:,.2f} GB"
    if fetched.unknown:
        hint = "" if ask else " (--hub asks the hub)"
        text += f", plus {len(fetched.unknown)} of {len(study.used_sources)} sources of unknown size{hint}"
    if fetched.local:
        text += f". Provide local sources yourself: {', '.join(fetched.local)}"
    return text


def sizes_text(plan: Plan) -> list[str]:
    """How the examples of the targets were counted."""
    lines = []
    for origin, explanation in ORIGINS.items():
        targets = [name for name in plan.workload.study.targets if plan.workload.sizes[name].origin == origin]
        if targets:
            lines.append(textwrap.fill(f"Test rows of {', '.join(targets)}: {explanation}.", WIDTH))
    return lines
