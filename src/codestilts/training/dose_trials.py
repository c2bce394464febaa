"""Trials of the learning rate of intermediate training: short studies of one arm with one seed, one for each rate.

Targets are trained after each rate, and their dev rows in the source language decide. The dev rows of the intermediate
tasks would not show what the encoder forgets; test rows and other languages are reserved for the results.
"""

import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from codestilts.config.training_settings import DoseSettings, TaskSettings, to_plain
from codestilts.csv_tables import write_csv
from codestilts.errors import CodeStiltsError
from codestilts.job_files import read_json
from codestilts.provenance import atomic, write_json
from codestilts.training import models
from codestilts.training.distributed import rank, run_on_rank_zero
from codestilts.training.held_out_loss import held_out_losses
from codestilts.training.inputs import EncodedTask, load_inputs
from codestilts.training.launcher import launch
from codestilts.training.loop import Trained, train
from codestilts.training.seed_jobs import (
    FAILED,
    best_learning_rate,
    clear_unless_same,
    origin_of,
    parent_folders,
    set_up_torch,
)
from codestilts.training.tokenizers import load_tokenizer
from codestilts.training.trial_scores import scores_on_tests

COLUMNS = ["encoder", "arm", "seed", "learning_rate", "steps", "dose", "chosen"]  # of the table; MEASURES follow
MEASURES = ["measure", "task", "language", "value", "error"]


@dataclass(frozen=True)
class DoseJob:
    """Trials of an arm with their files.

    Attributes:
        settings: the rates, the arm's training and that of the targets.
        encoder: folder of the published encoder.
        encoded: one folder for each task that the settings name, named after it.
        out: list of the trials (JSON), from which :func:`best_learning_rate` chooses.
        table: all measurements (CSV), including those on test rows; only the report reads it.
        gpus: the number of GPUs that the job requested.
    """

    settings: DoseSettings
    encoder: Path
    encoded: Sequence[Path]
    out: Path
    table: Path
    gpus: int = 0

    @property
    def work(self) -> Path:
        """The folder for unfinished work and for the intermediate model, of which one exists at a time."""
        return self.out.with_name(f".{self.out.stem}.work")

    @cached_property
    def seed(self) -> int:
        """The seed of all trials."""
        return next(iter(self.settings.targets.values())).seeds[0]

    def folders(self, names: Iterable[str]) -> list[Path]:
        """The folders of the encoded tasks with these names."""
        return [folder for folder in self.encoded if folder.name in set(names)]


def try_doses(job: DoseJob) -> None:
    """Try every learning rate and write the list of trials and the table.

    A trial has the ``learning_rate``, ``steps`` and ``dose`` (their product) of intermediate training; ``targets``, the
    metric of each target on dev rows of its source language; and ``dev``, their mean (:func:`mean_of_groups`). If a
    loss is not finite, the trial has an ``error`` and is worse than all others. A killed job resumes where it stopped.
    """
    launch(partial(_try_doses, job), job.gpus, job.work)


def mean_of_groups(values: Mapping[str, float], groups: Mapping[str, str]) -> float:
    """Average the targets of each group, then the groups, as in effects.

    Metrics are not standardised: a target that the rate hardly changes must not count as much as one that it changes by
    ten points.
    """
    by_target = pd.Series(dict(values), dtype=float)
    return float(by_target.groupby(by_target.index.map(groups)).mean().mean())


def _try_doses(job: DoseJob, device: torch.device) -> None:
    settings = next(iter(job.settings.targets.values()))
    set_up_torch(settings.threads, settings.tf32)
    origin = origin_of(__name__, job.encoded, parent_folders(job.encoder, None, [job.seed]))
    run_on_rank_zero(partial(clear_unless_same, job.work, {"settings": to_plain(job.settings), **origin}))
    files = {rate: job.work / f"{rate:g}.json" for rate in job.settings.learning_rates}
    for rate, path in files.items():
        if not run_on_rank_zero(path.exists):
            trial = _trial(job, rate, device)
            if rank() == 0:
                write_json(path, trial)
    if rank() == 0:
        trials = [read_json(path) for path in files.values()]
        write_csv(_table(trials, job.settings), job.table)
        for trial in trials:
            del trial["tests"]  # the choice must not read them
        write_json(job.out, trials)
        shutil.rmtree(job.work)


def _trial(job: DoseJob, rate: float, device: torch.device) -> dict[str, Any]:
    """Train the arm's tasks with one learning rate, then each target, and return the record of the trial."""
    folder = job.work / f"{rate:g}"
    trial: dict[str, Any] = {"learning_rate": rate, "seed": job.seed, "steps": 0, "dose": 0.0, "dev": FAILED}
    trial |= {"targets": {}, "held_out_loss": {}, "error": None, "tests": []}
    try:
        model = _intermediate_model(job, rate, folder, device)
        if model != job.encoder:
            trial["steps"] = read_json(model / "run.json")["steps"]
            trial["dose"] = rate * trial["steps"]
        if rank() == 0 and job.settings.held_out:
            trial["held_out_loss"] = _held_out(job, model, device)
        for target in job.settings.targets:
            result = _target_result(job, target, model, folder, device)
            trial["targets"][target] = result["dev"]
            trial["tests"] += result["tests"]
    except CodeStiltsError as error:
        return trial | {"error": str(error), "targets": {}, "tests": []}
    dev = mean_of_groups(trial["targets"], job.settings.groups)
    run_on_rank_zero(partial(shutil.rmtree, folder, ignore_errors=True))
    return trial | {"dev": dev if math.isfinite(dev) else FAILED}


def _intermediate_model(job: DoseJob, rate: float, folder: Path, device: torch.device) -> Path:
    """Train the intermediate tasks and return the model's folder; without tasks, return that of the encoder."""
    if job.settings.intermediate is None:
        return job.encoder
    settings = replace(job.settings.intermediate, learning_rate=rate)
    model = folder / "model"
    if not run_on_rank_zero(model.exists):
        inputs = load_inputs(settings, job.encoder, job.folders(settings.tasks), device, held_out=False)
        trained = train(inputs, job.seed, job.encoder, folder / "model.state")
        run_on_rank_zero(partial(_save_model, trained, model))
    return model


def _save_model(trained: Trained, model: Path) -> None:
    with atomic(model) as temporary:
        models.save_encoder(trained.encoder, temporary, model, trained.parent)
        write_json(temporary / "run.json", trained.record)


def _held_out(job: DoseJob, model: Path, device: torch.device) -> dict[str, float | None]:
    precision = next(iter(job.settings.targets.values())).precision
    tokenizer = load_tokenizer(job.encoder)
    tasks: dict[str, TaskSettings] = job.settings.held_out
    encoded = {path.name: EncodedTask.load(path, tasks[path.name], tokenizer) for path in job.folders(tasks)}
    return held_out_losses(job.encoder, model, encoded, device, precision)


def _target_result(job: DoseJob, target: str, model: Path, folder: Path, device: torch.device) -> dict[str, Any]:
    """Train a target and return its dev metric and, if requested, its test metrics by language."""
    file = folder / f"{target}.json"
    if not run_on_rank_zero(file.exists):
        settings = job.settings.targets[target]
        inputs = load_inputs(settings, job.encoder, job.folders([target]), device, held_out=job.settings.tests)
        trained = train(inputs, job.seed, model, folder / f"{target}.state")
        if rank() == 0:
            result = {"dev": trained.record["dev"].get(target, 0.0), "tests": scores_on_tests(inputs, trained)}
            write_json(file, result)
    return run_on_rank_zero(lambda: dict(read_json(file)))


def _table(trials: list[dict[str, Any]], settings: DoseSettings) -> pd.DataFrame:
    """Return all measurements of an arm's trials, one row per value; a failed trial has a row with its error."""
    any_target = next(iter(settings.targets.values()))
    chosen, rows = best_learning_rate(trials), list[dict[str, Any]]()
    for trial in trials:
        values = [
            {"measure": "dev", "task": name, "language": settings.targets[name].source_language, "value": value}
            for name, value in trial["targets"].items()
        ]
        values += trial["tests"]
        for name, loss in trial["held_out_loss"].items():
            values.append({"measure": "held_out_loss", "task": name, "language": "", "value": loss})
        if trial["error"]:
            values.append({"measure": "failed", "error": trial["error"]})
        keys = {key: trial[key] for key in ("seed", "learning_rate", "steps", "dose")}
        keys |= {"encoder": any_target.encoder, "arm": any_target.arm, "chosen": trial["learning_rate"] == chosen}
        rows += [keys | row for row in values]
    return pd.DataFrame(rows, columns=[*COLUMNS, *MEASURES])
