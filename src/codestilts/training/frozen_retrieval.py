"""Predictions without training on a target: retrieval with a frozen encoder, and the layer sweep."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from codestilts.columns import LAYERS
from codestilts.config.training_settings import RetrievalSettings, to_plain
from codestilts.csv_tables import write_csv
from codestilts.errors import CodeStiltsError
from codestilts.provenance import atomic, environment, peak_memory_mb, write_json
from codestilts.seeding import derive_seed
from codestilts.tasktypes.base import Task
from codestilts.training import models
from codestilts.training.checkpoint_selection import score
from codestilts.training.devices import device_name
from codestilts.training.inputs import EncodedTask, Rows
from codestilts.training.models import TaskModel
from codestilts.training.precision import precision_record
from codestilts.training.prediction import compute_outputs, decode_outputs
from codestilts.training.seed_jobs import origin_of, parent_folders, run_columns_first, set_up_torch
from codestilts.training.tokenizers import load_tokenizer

# Rows above which a table is compared language by language, on the encoder's device: only bucc, with hundreds of
# thousands of sentences in each language, is that large.
LARGE_TABLE = 100_000


@dataclass(frozen=True)
class RetrievalJob:
    """Predictions of all untrained targets with the encoders of a batch of seeds.

    Attributes:
        settings: what is predicted.
        encoder: folder of the tokenizer, and of the weights where there is no ``parent``.
        parent: folder with ``{seed}/`` of the intermediate phase, if there was one.
        predictions: the table of predictions that is written for each encoded target, a folder named after it.
        record: the ``run.json`` of them all, written.
        sweep: the metric of each layer of the sweep in each language (CSV), written; without rows if there is no sweep.
    """

    settings: RetrievalSettings
    encoder: Path
    parent: Path | None
    predictions: Mapping[Path, Path]
    record: Path
    sweep: Path


def predict_targets(job: RetrievalJob, device: torch.device) -> None:
    """Predict every untrained target with every seed's encoder."""
    settings = job.settings
    set_up_torch(settings.threads, settings.tf32)
    began = time.perf_counter()
    inputs = RetrievalInputs(settings, load_tokenizer(job.encoder), device)
    parents = parent_folders(job.encoder, job.parent, settings.seeds)
    sweeps: list[pd.DataFrame] = []
    for encoded, out in job.predictions.items():
        results = _predict_seeds(inputs, encoded, parents)
        rows = run_columns_first(pd.concat([result.predictions for result in results], ignore_index=True))
        with atomic(out) as temporary:
            rows.to_parquet(temporary, index=False)
        sweeps += [result.sweep for result in results]
        print(f"{settings.encoder} / {settings.arm}  {encoded.name}: {len(rows)} predictions", flush=True)
    write_csv(pd.concat([pd.DataFrame(columns=LAYERS), *sweeps], ignore_index=True), job.sweep)
    record = {
        "settings": to_plain(settings),
        **origin_of(__name__, list(job.predictions), parents),
        "seconds": round(time.perf_counter() - began, 2),
        "peak_memory_mb": peak_memory_mb(),
        **precision_record(device, settings.precision),
        **environment(device_name(device), torch.get_num_threads()),
    }
    write_json(job.record, record)


@dataclass(frozen=True)
class RetrievalInputs:
    """What all targets and seeds of a job share."""

    settings: RetrievalSettings
    tokenizer: Any
    device: torch.device


@dataclass(frozen=True)
class SeedResult:
    """The predictions of a target with one seed's encoder, and the metric of each layer of the sweep."""

    predictions: pd.DataFrame
    sweep: pd.DataFrame

    def with_seed(self, seed: int) -> "SeedResult":
        """Return the same numbers as those of another seed."""
        return SeedResult(self.predictions.assign(seed=seed), self.sweep.assign(seed=seed))


def _predict_seeds(inputs: RetrievalInputs, folder: Path, parents: Mapping[int, Path]) -> list[SeedResult]:
    """Predict a target with every seed; without a parent and with pretrained weights nothing depends on the seed."""
    encoded = EncodedTask.load(folder, inputs.settings.tasks[folder.name], inputs.tokenizer)
    deterministic = len(set(parents.values())) == 1 and inputs.settings.init == "pretrained"
    results: list[SeedResult] = []
    for seed, parent in parents.items():
        if results and deterministic:
            results.append(results[0].with_seed(seed))
        else:
            results.append(predict_target(inputs, encoded, parent, seed))
    return results


def predict_target(inputs: RetrievalInputs, encoded: EncodedTask, parent: Path, seed: int) -> SeedResult:
    """Predict a target with one encoder.

    Dev rows are predicted where the protocol tunes a threshold on them.

    Raises:
        CodeStiltsError: the encoder has fewer blocks than a layer of the settings.
    """
    settings, task = inputs.settings, encoded.task
    splits = ["dev", "test"] if task.options.protocol == "mining" else ["test"]
    model = _load_model(inputs, task, parent, seed)
    run = {"encoder": settings.encoder, "arm": settings.arm, "target": task.name, "seed": seed}
    predicted = encoded.rows[encoded.rows["split"].isin(splits)]
    large = len(predicted) > LARGE_TABLE
    languages = sorted(predicted["language"].unique()) if large else [""]
    parts = (encoded.select(splits, language) for language in languages)
    device = inputs.device if large else None
    results = [_predict_rows(model, part, run, device) for part in parts]
    return SeedResult(
        pd.concat([result.predictions for result in results], ignore_index=True),
        pd.concat([result.sweep for result in results], ignore_index=True),
    )


def _load_model(inputs: RetrievalInputs, task: Task, parent: Path, seed: int) -> TaskModel:
    """Load an encoder with a head that returns the layers of the sweep and, last, the task's own layer."""
    settings = inputs.settings
    torch.manual_seed(models.weights_seed(settings.study, seed))
    encoder, _ = models.load_encoder(parent, init=settings.init)
    encoder.to(inputs.device)  # type: ignore[arg-type]
    blocks = encoder.config.num_hidden_layers
    for layer in (task.options.layer, *settings.layers):
        if layer > blocks:
            raise CodeStiltsError(
                f"encoder {settings.encoder} has {blocks} blocks, so there is no block {layer}: correct layer and "
                "layers of definitions.encoders"
            )
    swept = settings.layers if task.options.sweep else ()
    task = replace(task, layers=(*swept, task.options.layer))
    head = models.new_head(task, encoder, inputs.tokenizer, None, derive_seed(task.name, seed))
    return TaskModel(encoder, head, task, inputs.tokenizer, settings.precision)


def _predict_rows(model: TaskModel, part: Rows, run: dict[str, Any], device: torch.device | None) -> SeedResult:
    """Predict rows with every layer of the head; ``device`` is where the vectors are compared, if not the CPU."""
    task, rows, features = model.task, part.table, part.features
    outputs = compute_outputs(model, features)
    if device:
        outputs = [output.to(device) for output in outputs]
    sweep = []
    for index, layer in enumerate(task.layers[:-1]):
        found = decode_outputs([output[:, :, index] for output in outputs], rows, task, features)
        for language, of_language in found.groupby("language", sort=True):
            value = score(of_language.assign(**run, checkpoint=""), task.metric)
            sweep.append(run | {"language": language, "layer": layer, "value": value})
    own = [output[:, :, -1] for output in outputs] if len(task.layers) > 1 else outputs
    predictions = decode_outputs(own, rows, task, features).assign(**run, checkpoint="")
    return SeedResult(predictions, pd.DataFrame(sweep, columns=LAYERS))
