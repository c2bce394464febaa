"""Two predictions of whether an intermediate task helps a target, from a few hundred rows and without training on it.

``log_me``: how well a linear model of the encoder's states after the intermediate task explains the target's labels
(LogME of You et al. 2021, arXiv 2102.11005; :mod:`codestilts.training.label_states`).

``similarity``: the cosine of the mean states of the task's and the target's texts in the pretrained encoder (TextEmb of
Vu et al. 2020, arXiv 2005.00770).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.config.transferability_settings import TransferabilitySettings
from codestilts.csv_tables import write_csv
from codestilts.evaluation.logme import logme
from codestilts.seeding import derive_seed
from codestilts.tasktypes.base import Task
from codestilts.tasktypes.registry import select_rows
from codestilts.training.inputs import EncodedTask
from codestilts.training.label_states import Sequences, labelled_states, sequence_states
from codestilts.training.models import TaskModel, load_encoder
from codestilts.training.seed_jobs import set_up_torch
from codestilts.training.tokenizers import load_tokenizer


@dataclass(frozen=True)
class TransferabilityJob:
    """The measurements of one arm.

    Attributes:
        settings: what is measured.
        encoder: folder of the tokenizer and of the pretrained weights.
        parent: folder with ``{seed}/`` of the intermediate phase.
        encoded: one folder per task, named after it (:mod:`codestilts.training.encode`).
        out: the table (CSV) that is written.
    """

    settings: TransferabilitySettings
    encoder: Path
    parent: Path
    encoded: Sequence[Path]
    out: Path


@dataclass(frozen=True)
class Sample:
    """Some training rows of a task: their features, their number, and that of the rows that they were drawn from."""

    task: Task
    features: list[Any]
    rows: int
    pool: int


def measure(job: TransferabilityJob, device: torch.device) -> None:
    """Measure one arm and write a row for each target."""
    settings, tokenizer = job.settings, load_tokenizer(job.encoder)
    set_up_torch(1, settings.tf32)
    samples = {folder.name: draw(folder, settings, tokenizer) for folder in job.encoded}
    pretrained = _load(job.encoder, device)
    vectors = {name: mean_state(pretrained, sample, tokenizer, settings) for name, sample in samples.items()}
    trained, task = _load(job.parent / str(settings.seed), device), settings.task
    rows = []
    for name, sample in samples.items():
        if name == task:
            continue
        found = labelled_states(trained, sample.task, tokenizer, sample.features, settings.precision)
        rows.append(
            {
                **{"encoder": settings.encoder, "arm": settings.arm, "target": name, "seed": settings.seed},
                "rows": sample.rows,
                "log_me": logme(*found),
                "similarity": float(F.cosine_similarity(vectors[task], vectors[name], dim=0)),
                "size": samples[task].pool,
                "same_form": name in settings.same_form,
                "same_domain": name in settings.same_domain,
            }
        )
        print(f"{settings.encoder} / {settings.arm} / {name}: LogME {rows[-1]['log_me']:.4f}", flush=True)
    write_csv(pd.DataFrame(rows), job.out)


def _load(folder: Path, device: torch.device) -> nn.Module:
    encoder: nn.Module = load_encoder(folder)[0]
    return encoder.to(device)


def draw(folder: Path, settings: TransferabilitySettings, tokenizer: Any) -> Sample:
    """Draw training rows of an encoded task, the same for all arms."""
    encoded = EncodedTask.load(folder, settings.tasks[folder.name], tokenizer)
    train = encoded.features["train"]
    pool = np.unique(train.rows())
    rng = np.random.default_rng(derive_seed(settings.study, "transferability", folder.name))
    rows = np.sort(rng.permutation(pool)[: settings.examples])
    return Sample(encoded.task, list(select_rows(train, rows, tokenizer, encoded.task)), len(rows), len(pool))


def mean_state(encoder: nn.Module, sample: Sample, tokenizer: Any, settings: TransferabilitySettings) -> Tensor:
    """Average the states of tokens over each sequence, then over those of each feature, then over the features."""
    model = TaskModel(encoder, Sequences(), sample.task, tokenizer, settings.precision)
    return torch.stack([states.mean(0) for states in sequence_states(model, sample.features)]).mean(0)
