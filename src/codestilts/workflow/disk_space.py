"""The disk space of a study, estimated before it runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from codestilts.config.schema import Budget
from codestilts.workflow.device_speed import Speed
from codestilts.workflow.planning import STAGES, Job, Workload, job_ends
from codestilts.workflow.scheduling import most_at_once

PREDICTION_BYTES = 120  # of a row of predictions
WEIGHT_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}


@dataclass(frozen=True)
class DiskUse:
    """Bytes on disk. Temporary models stay until their last reader is done, checkpoints while a job runs."""

    encoders: float
    intermediate_models: float
    target_models: float
    predictions: float
    temporary_models: float
    checkpoints: float

    @property
    def kept(self) -> float:
        """Bytes that stay."""
        return self.encoders + self.intermediate_models + self.target_models + self.predictions

    @property
    def peak(self) -> float:
        """The largest number of bytes at a time."""
        return self.kept + self.temporary_models + self.checkpoints


def disk_use(workload: Workload, jobs: Sequence[Job], speed: Speed, running: int) -> DiskUse:
    """Disk space of a study while ``running`` jobs train at once. Each may hold the model of a trial.

    A checkpoint holds the weights and two moments of each trained weight. The last one stays until the next is written.
    """
    study, architectures = workload.study, workload.architectures
    seeds = len(study.config.seeds)
    intermediate, target = study.config.intermediate, study.config.target
    weight = WEIGHT_BYTES[study.config.store_precision]

    def trained(encoder: str, budget: Budget) -> int:
        """Trained weights; a model stores these, since it shares frozen embeddings with its encoder."""
        frozen = architectures[encoder].word_embeddings if budget.freeze_embeddings else 0
        return architectures[encoder].parameters - frozen

    checkpoint = max(
        architectures[encoder].parameters + 2 * trained(encoder, budget)
        for encoder in study.encoders
        for budget in (intermediate, target)
    )
    kept = [encoder for encoder, arm in study.intermediate_models if arm in study.kept_parents]
    kept_runs = [encoder for encoder, arm, _ in study.runs if arm in study.kept_arms]
    rows = sum(len(target.selection) * workload.sizes[name].test for *_, name in study.runs)
    rows += len(study.encoder_arms) * sum(workload.sizes[name].test for name in study.untrained_targets)
    model_bytes = {encoder: weight * trained(encoder, intermediate) for encoder in study.encoders}
    trial = WEIGHT_BYTES["fp32"] * max(model_bytes.values()) / weight if intermediate.learning_rates else 0.0
    return DiskUse(
        encoders=WEIGHT_BYTES["fp32"] * sum(encoder.parameters for encoder in architectures.values()),
        intermediate_models=seeds * sum(model_bytes[encoder] for encoder in kept),
        target_models=weight * seeds * sum(trained(encoder, target) for encoder in kept_runs),
        predictions=PREDICTION_BYTES * seeds * rows,
        temporary_models=running * trial
        + _temporary_bytes(workload, jobs, job_ends(jobs, speed, running), model_bytes),
        checkpoints=2 * WEIGHT_BYTES["fp32"] * checkpoint * running,
    )


def _temporary_bytes(
    workload: Workload, jobs: Sequence[Job], ends: Sequence[float], model_bytes: Mapping[str, float]
) -> float:
    """Return the most bytes of temporary models at a time: each exists from its training to its last reader's end."""
    deleted: dict[int, float] = {}
    for job, end in zip(jobs, ends, strict=True):
        for parent in job.parents:
            deleted[parent] = max(end, deleted.get(parent, 0.0))
    spans = []
    for number, job in enumerate(jobs):
        if job.rule == "train_temporary":
            seeds = len(workload.study.batches[job.wildcards[2]])
            spans.append((ends[number], deleted.get(number, ends[number]), seeds * model_bytes[job.encoder]))
    return most_at_once(spans)


def with_settings(workload: Workload, jobs: Sequence[Job], **settings: Any) -> tuple[Workload, list[Job]]:
    """Return the same study and jobs with another ``keep_models`` or ``store_precision``."""
    study = replace(workload.study, config=workload.study.config.model_copy(update=settings))
    renamed = [
        replace(job, rule="train_intermediate" if job.wildcards[1] in study.kept_parents else "train_temporary")
        if STAGES.get(job.rule) == "intermediate"
        else job
        for job in jobs
    ]
    return replace(workload, study=study), renamed
