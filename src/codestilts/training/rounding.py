"""A sample of a study's runs, trained again in ways that differ in rounding only.

Sums of floating-point numbers depend on their order. Another processor, number of threads or implementation of
attention adds in another order; training amplifies the differences, up to other answers on some test rows.
"""

import os
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from codestilts.config.computations import Computation
from codestilts.config.study import Study
from codestilts.config.training_jobs import intermediate_settings, retrieval_settings, target_settings
from codestilts.config.training_settings import RetrievalSettings, TrainingSettings, to_plain
from codestilts.job_files import read_json
from codestilts.training.frozen_retrieval import RetrievalJob, predict_targets
from codestilts.training.precision import supported
from codestilts.training.seed_jobs import TrainingJob, train_seeds

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Sample:
    """The runs that are trained again: some encoder-arm pairs of a study with its first batch of seeds.

    Attributes:
        study: The study.
        results: Its folder of results, whose encoded tasks and learning rates are used.
        pairs: The encoder-arm pairs.
    """

    study: Study
    results: Path
    pairs: list[tuple[str, str]]


def train_again(sample: Sample, computation: Computation, out: Path) -> None:
    """Train a sample again in one of the ways, and predict its targets.

    What an earlier call has finished is kept.

    Args:
        sample: The runs.
        computation: How they are computed. Its ``environment`` has to be that of this process.
        out: The folder for predictions, in which files are named as in the results.
    """
    math_attention = sdpa_kernel(SDPBackend.MATH) if computation.math_attention else nullcontext()
    with math_attention:
        for encoder, arm in sample.pairs:
            _train_pair(sample, computation, encoder, arm, out)


def is_available(computation: Computation) -> bool:
    """Whether this machine can compute in this way."""
    if computation.threads > (os.cpu_count() or 1):
        return False
    if computation.environment and torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    return not computation.precision or supported(CPU, computation.precision) == computation.precision


def _train_pair(sample: Sample, computation: Computation, encoder: str, arm: str, out: Path) -> None:
    study, results = sample.study, sample.results
    seeds, parent = next(iter(study.batches)), study.parent_arm(arm)
    files, models = results / "encoders" / encoder, None
    if parent:
        models = out / "intermediate" / encoder / parent / seeds
        doses = results / "doses" / encoder / f"{parent}.json"
        trained = intermediate_settings(study, encoder, parent, seeds)
        job = TrainingJob(
            settings=replace(trained, **_changes(trained, computation)),
            encoder=files,
            encoded=[results / "encoded" / encoder / task for task in study.arms[parent].tasks],
            out=models,
            trials=doses if doses.exists() else None,
        )
        train_seeds(job)
    for target in study.encoder_arms[encoder, arm]:
        if target in study.trained_targets:
            trials = results / "tuning" / encoder / arm / f"{target}.json"
            settings = target_settings(study, encoder, arm, target, seeds)
            job = TrainingJob(
                settings=replace(settings, keep_models=False, **_changes(settings, computation)),
                encoder=files,
                parent=models,
                encoded=[results / "encoded" / encoder / target],
                out=out / "target" / encoder / arm / target / seeds,
                trials=trials if trials.exists() else None,
                predictions=out / "predictions" / encoder / arm / target / f"{seeds}.parquet",
            )
            train_seeds(job)
    if study.untrained_targets:
        frozen = retrieval_settings(study, encoder, arm, seeds)
        _retrieve(sample, replace(frozen, **_changes(frozen, computation)), models, out)


def _retrieve(sample: Sample, settings: RetrievalSettings, parent: Path | None, out: Path) -> None:
    folder = out / "retrieval" / settings.encoder / settings.arm / next(iter(sample.study.batches))
    record = folder / "run.json"
    if record.exists() and read_json(record)["settings"] == to_plain(settings):
        return
    encoded = [sample.results / "encoded" / settings.encoder / target for target in sample.study.untrained_targets]
    job = RetrievalJob(
        settings=settings,
        encoder=sample.results / "encoders" / settings.encoder,
        parent=parent,
        predictions={task: folder / f"{task.name}.parquet" for task in encoded},
        record=record,
        sweep=folder / "layers.csv",
    )
    predict_targets(job, CPU)


def _changes(settings: TrainingSettings | RetrievalSettings, computation: Computation) -> dict[str, Any]:
    return {"threads": computation.threads, "precision": computation.precision or settings.precision}
