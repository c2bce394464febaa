"""Training jobs: one batch of seeds, from files to declared outputs; and trials of learning rates."""

import gc
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from codestilts.code_digest import stage_digest
from codestilts.config.training_settings import TrainingSettings, TuningSettings, to_plain
from codestilts.errors import CodeStiltsError
from codestilts.job_files import read_json, read_parquet, reading
from codestilts.provenance import atomic, file_digest, write_json
from codestilts.tasktypes.registry import finish
from codestilts.training import models
from codestilts.training.checkpoint_selection import select
from codestilts.training.curve import downsample_curve
from codestilts.training.distributed import rank, run_on_rank_zero
from codestilts.training.encode import RECORD
from codestilts.training.heap import return_large_blocks, use_huge_pages
from codestilts.training.inputs import TrainingInputs, load_inputs
from codestilts.training.launcher import launch
from codestilts.training.loop import Trained, train
from codestilts.training.precision import allow_tf32
from codestilts.training.trial_scores import with_zero_shot_means

RUN_COLUMNS = ["encoder", "arm", "target", "seed", "checkpoint"]  # of predictions, before all others
FAILED = -1.0  # dev metric of a trial whose loss was not finite: below every other


@dataclass(frozen=True)
class TrainingJob:
    """A batch of seeds with its files.

    Attributes:
        settings: what is trained.
        encoder: folder of the tokenizer, and of the weights where there is no ``parent``.
        parent: folder with ``{seed}/`` of intermediate training, if there was any.
        encoded: one folder per task, named after it (:mod:`codestilts.training.encode`).
        out: folder that gets ``{seed}/`` (``models.FILES``) for each seed.
        records: folder that gets a copy of each seed's record (``{seed}/run.json``), for an ``out`` that is temporary.
        predictions: table that gets the test predictions of all seeds of a target.
        trials: the trials that choose the learning rate, if any: written by :func:`try_learning_rates` or, for
            intermediate training, by :func:`codestilts.training.dose_trials.try_doses`.
        checkpoints: folder for unfinished work; by default beside ``out``.
        gpus: the number of GPUs that the job requested; several train each model together.
    """

    settings: TrainingSettings
    encoder: Path
    encoded: Sequence[Path]
    out: Path
    records: Path | None = None
    parent: Path | None = None
    predictions: Path | None = None
    trials: Path | None = None
    checkpoints: Path | None = None
    gpus: int = 0

    @property
    def work(self) -> Path:
        """The folder for unfinished work."""
        return self.checkpoints or self.out.with_name(f".{self.out.name}.work")


@dataclass(frozen=True)
class TuningJob:
    """Trials of learning rates with their files, as in :class:`TrainingJob`; ``out`` is the list of trials (JSON)."""

    settings: TuningSettings
    encoder: Path
    encoded: Sequence[Path]
    out: Path
    parent: Path | None = None
    gpus: int = 0

    @property
    def work(self) -> Path:
        """The folder for unfinished work."""
        return self.out.with_name(f".{self.out.stem}.work")


def train_seeds(job: TrainingJob) -> None:
    """Train every seed of a job and write its outputs.

    Finished seeds are kept among the checkpoints until all are done, so that a killed job repeats none of them. They
    are used only if settings, code, parents and examples are the same. If a killed workflow left a job
    running that writes to the same files, this job waits for it. Weights are not written unless ``keep_models`` is set.
    """
    if job.trials:
        rate = best_learning_rate(read_trials(job.trials))
        job = replace(job, settings=replace(job.settings, learning_rate=rate * job.settings.trial_factor))
    launch(partial(_train_seeds, job), job.gpus, job.work)


def _train_seeds(job: TrainingJob, device: torch.device) -> None:
    settings = job.settings
    set_up_torch(settings.threads, settings.tf32)
    parents = parent_folders(job.encoder, job.parent, settings.seeds)
    origin = origin_of(__name__, job.encoded, parents)
    if run_on_rank_zero(partial(is_done, job, origin)):
        print("done by the job of an earlier run, which continued without it", flush=True)
        return
    run_on_rank_zero(partial(clear_unless_same, job.work, {"settings": to_plain(settings), **origin}))
    inputs = load_inputs(settings, job.encoder, job.encoded, device, held_out=job.predictions is not None)
    for seed in settings.seeds:
        if run_on_rank_zero(partial(_is_finished, job, seed)):
            continue
        _train_seed(job, inputs, seed, parents[seed], origin)
    if rank() == 0:
        _publish(job)


def _is_finished(job: TrainingJob, seed: int) -> bool:
    """Whether all files of a seed are in the work folder: a kill while they are published may leave some of them."""
    names = models.FILES if job.settings.keep_models else ("run.json",)
    files = [job.work / str(seed) / name for name in names]
    if job.predictions:
        files.append(job.work / f"{seed}.parquet")
    return all(map(os.path.lexists, files))  # the link to the embeddings points at nothing before it is published


def _train_seed(job: TrainingJob, inputs: TrainingInputs, seed: int, parent: Path, origin: dict[str, Any]) -> None:
    """Train a seed and write it to the work folder; nothing of it stays in memory."""
    checkpoint = job.work / f"{seed}.state"
    trained = train(inputs, seed, parent, checkpoint)
    if rank() == 0:
        _save_seed(job, inputs, trained, origin)
        shutil.rmtree(checkpoint, ignore_errors=True)


def _save_seed(job: TrainingJob, inputs: TrainingInputs, trained: Trained, origin: dict[str, Any]) -> None:
    name = str(trained.seed)
    record = trained.record | origin | {"gpus": job.gpus, "curve": downsample_curve(trained.curve)}
    if job.trials:
        record["trials"] = summary_of_trials(read_trials(job.trials))
    shutil.rmtree(job.work / name, ignore_errors=True)  # what a kill has left
    with atomic(job.work / name) as folder:
        folder.mkdir()
        if job.settings.keep_models:
            dtype = models.DTYPES[job.settings.store_precision]
            models.save_encoder(trained.encoder, folder, job.out / name, trained.parent, dtype)
            models.save_heads(trained.heads, folder, dtype)
        if job.predictions:
            selected_predictions(inputs, trained).to_parquet(job.work / f"{name}.parquet", index=False)
        write_json(folder / "run.json", record)


def selected_predictions(inputs: TrainingInputs, trained: Trained) -> pd.DataFrame:
    """Return the test predictions of a run's selected checkpoints with the columns that identify the run."""
    settings = inputs.settings
    run: dict[str, Any] = {
        "encoder": settings.encoder,
        "arm": settings.arm,
        "target": settings.target,
        "seed": trained.seed,
    }
    evaluations = {step: rows.assign(**run) for step, rows in trained.predictions.items()}
    task = inputs.tasks[settings.target].task
    found = select(evaluations, task.metric, settings.selection, settings.source_language)
    return run_columns_first(finish(found, task, settings.source_language))


def run_columns_first(rows: pd.DataFrame) -> pd.DataFrame:
    """Put :data:`RUN_COLUMNS` before the other columns."""
    return rows[RUN_COLUMNS + [name for name in rows if name not in RUN_COLUMNS]]


def _publish(job: TrainingJob) -> None:
    """Move the finished seeds to the declared outputs."""
    if job.predictions:
        with atomic(job.predictions) as temporary:
            frames = [read_parquet(job.work / f"{seed}.parquet") for seed in job.settings.seeds]
            pd.concat(frames, ignore_index=True).to_parquet(temporary, index=False)
    if job.records:
        for seed in job.settings.seeds:
            (job.records / str(seed)).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(job.work / str(seed) / "run.json", job.records / str(seed) / "run.json")
    job.out.mkdir(parents=True, exist_ok=True)
    for seed in job.settings.seeds:
        shutil.rmtree(job.out / str(seed), ignore_errors=True)
        shutil.move(job.work / str(seed), job.out / str(seed))
    shutil.rmtree(job.work)


def try_learning_rates(job: TuningJob) -> None:
    """Train one seed once with each learning rate and write the list of trials.

    A trial has the ``learning_rate`` and ``dev``, the metric on the source language's dev rows at the last step. A rate
    at which the loss is not finite is a trial too, with an ``error``. With ``tests``, a trial also has scores on test
    rows (``tests``) and their means over zero-shot languages (``zero_shot``). A killed job continues where it stopped.
    """
    launch(partial(_try_learning_rates, job), job.gpus, job.work)


def _try_learning_rates(job: TuningJob, device: torch.device) -> None:
    settings = job.settings.training
    set_up_torch(settings.threads, settings.tf32)
    parents = parent_folders(job.encoder, job.parent, settings.seeds)
    key = {"settings": to_plain(job.settings), **origin_of(__name__, job.encoded, parents)}
    run_on_rank_zero(partial(clear_unless_same, job.work, key))
    inputs = load_inputs(settings, job.encoder, job.encoded, device, held_out=job.settings.tests)
    files = {rate: job.work / f"{rate:g}.json" for rate in job.settings.learning_rates}
    for rate, path in files.items():
        if run_on_rank_zero(path.exists):
            continue
        checkpoint = path.with_suffix(".state")
        trial = _trial(replace(inputs, settings=replace(settings, learning_rate=rate)), parents, checkpoint)
        if rank() == 0:
            write_json(path, trial)
            shutil.rmtree(checkpoint, ignore_errors=True)
    if rank() == 0:
        write_json(job.out, [read_json(path) for path in files.values()])
        shutil.rmtree(job.work)


def _trial(inputs: TrainingInputs, parents: Mapping[int, Path], checkpoint: Path) -> dict[str, Any]:
    """Train with one learning rate and return the record of the trial."""
    settings = inputs.settings
    ((seed, parent),) = parents.items()
    trial: dict[str, Any] = {"learning_rate": settings.learning_rate, "seed": seed, "dev": FAILED, "error": None}
    try:
        trained = train(inputs, seed, parent, checkpoint)
    except CodeStiltsError as error:
        return trial | {"error": str(error)}
    record = trained.record
    trial |= {"dev": record["dev"].get(settings.target, 0.0), **with_zero_shot_means(inputs, trained)}
    return trial | {"seconds": record["seconds"], "settings": record["settings"]}


def read_trials(path: Path) -> list[dict[str, Any]]:
    """Return the trials of learning rates in a file of :class:`TrainingJob`.

    Raises:
        CodeStiltsError: The file is not a list of trials.
    """
    trials: list[dict[str, Any]] = read_json(path)
    with reading(path, "list of trials"):
        summary_of_trials(trials)
    return trials


def summary_of_trials(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the record of a run keeps of the trials that chose its learning rate."""
    best = best_learning_rate(trials)
    kept = [{key: trial[key] for key in ("learning_rate", "dev", "error")} for trial in trials]
    tested = [{key: trial[key] for key in trial if key == "zero_shot"} for trial in trials]
    chosen = [{"chosen": trial["learning_rate"] == best} for trial in trials]
    return [one | two | three for one, two, three in zip(kept, tested, chosen, strict=True)]


def best_learning_rate(trials: list[dict[str, Any]]) -> float:
    """Return the learning rate with the best dev metric, which failed trials lack; ties go to the smallest."""
    ordered = sorted(trials, key=lambda trial: trial["learning_rate"])
    return float(max(ordered, key=lambda trial: trial["dev"])["learning_rate"])


def set_up_torch(threads: int, tf32: bool) -> None:
    """Compute with some threads, with TF32 if it is allowed, and without keeping memory that is not used."""
    torch.set_num_threads(threads)
    return_large_blocks()
    use_huge_pages()
    if not gc.get_freeze_count():
        gc.freeze()  # what is imported stays: the collection before each run need not search it
    allow_tf32(tf32)


def parent_folders(encoder: Path, parent: Path | None, seeds: Sequence[int]) -> dict[int, Path]:
    """Return the model folder that each seed starts from: its intermediate model, or the encoder if there is none."""
    return {seed: parent / str(seed) if parent else encoder for seed in seeds}


def clear_unless_same(work: Path, key: dict[str, Any]) -> None:
    """Empty a folder of unfinished work unless it was left by a job with the same settings, code and data."""
    file = work / "key.json"
    if not file.exists() or read_json(file) != key:
        shutil.rmtree(work, ignore_errors=True)
        write_json(file, key)


def is_done(job: TrainingJob, origin: dict[str, Any]) -> bool:
    """Whether another process made the same outputs while this one waited for the folder.

    Snakemake deletes outputs before it starts a job, so existing outputs are newer than that.
    """
    folders = [job.out, *filter(None, [job.records])]
    records = [folder / str(seed) / "run.json" for folder in folders for seed in job.settings.seeds]
    if not all(path.exists() for path in [*records, *filter(None, [job.predictions])]):
        return False
    key = {"settings": to_plain(job.settings), **origin}
    return all(key.items() <= read_json(path).items() for path in records)


def origin_of(module: str, encoded: Sequence[Path], parents: Mapping[int, Path]) -> dict[str, Any]:
    """Return digests of what outputs depend on besides settings: code, encoded tasks and each seed's parent weights.

    The code is that of ``module``, which does the job, and all that it imports.

    A file that several seeds start from is read once.
    """
    digest = cache(file_digest)
    return {
        "code": stage_digest(Path(__file__).parents[3], module),
        "data": {folder.name: file_digest(folder / RECORD) for folder in encoded},
        "parents": {str(seed): digest(folder / models.ENCODER) for seed, folder in parents.items()},
    }
