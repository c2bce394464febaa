"""The inputs of a training job: what its seeds share, loaded once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from codestilts.config.training_settings import TrainingSettings
from codestilts.errors import CodeStiltsError
from codestilts.seeding import derive_seed
from codestilts.tasktypes.base import Feature, Task
from codestilts.tasktypes.registry import task_type
from codestilts.training.models import load_tokenizer

CPU = torch.device("cpu")


@dataclass(frozen=True)
class TaskData:
    """A task with its training rows and the dev rows that training is scored on."""

    task: Task
    train: pd.DataFrame
    dev: pd.DataFrame


@dataclass(frozen=True)
class HeldOut:
    """Rows of a target that are predicted at evaluations; ``last_only`` leaves out all but the last."""

    target: str
    rows: pd.DataFrame
    features: list[Feature]
    last_only: bool


@dataclass(frozen=True)
class TrainingInputs:
    """What the seeds of a job share. ``features`` are missing where each seed shuffles the labels itself."""

    settings: TrainingSettings
    tokenizer: Any
    tasks: dict[str, TaskData]
    device: torch.device = CPU
    features: dict[str, list[Feature]] | None = None
    held_out: HeldOut | None = None

    def encode(self, labels_seed: int) -> dict[str, list[Feature]]:
        """Return the features of every task's training rows; ``labels_seed`` shuffles the labels if that is set."""
        if self.features is not None:
            return self.features
        return {
            name: task_type(data.task.type).encode(
                task_type(data.task.type).shuffle(data.train, labels_seed), self.tokenizer, data.task
            )
            for name, data in self.tasks.items()
        }


def load_inputs(
    settings: TrainingSettings, encoder: Path, examples: Sequence[Path], device: torch.device, held_out: bool
) -> TrainingInputs:
    """Load the inputs of a job.

    Args:
        settings: the settings of the job.
        encoder: the folder of the tokenizer.
        examples: one table per task, named after it.
        device: where the job computes.
        held_out: predict the target's test rows, and its dev rows where checkpoints are selected.

    Raises:
        CodeStiltsError: a task has no training rows.
    """
    tables = {path.stem: pd.read_parquet(path) for path in examples}
    return prepare_inputs(settings, load_tokenizer(encoder), tables, device, held_out)


def prepare_inputs(
    settings: TrainingSettings,
    tokenizer: Any,
    tables: dict[str, pd.DataFrame],
    device: torch.device = CPU,
    held_out: bool = False,
) -> TrainingInputs:
    """Make the inputs of a job from tables of examples (see :func:`load_inputs`)."""
    tasks = {name: _task_data(name, tables[name], settings) for name in sorted(tables)}
    features = None
    if not settings.shuffle_labels:
        features = {
            name: task_type(data.task.type).encode(data.train, tokenizer, data.task) for name, data in tasks.items()
        }
    held = _held_out(tasks[settings.target].task, tables[settings.target], tokenizer, settings) if held_out else None
    return TrainingInputs(settings, tokenizer, tasks, device, features, held)


def _task_data(name: str, table: pd.DataFrame, settings: TrainingSettings) -> TaskData:
    train, dev = table[table["split"] == "train"], table[table["split"] == "dev"]
    if train.empty:
        raise CodeStiltsError(f"task {name}: the train split is empty")
    if settings.source_language:
        dev = dev[dev["language"] == settings.source_language]
    return TaskData(Task.from_settings(name, settings.tasks[name], table), train, dev)


def _held_out(task: Task, table: pd.DataFrame, tokenizer: Any, settings: TrainingSettings) -> HeldOut:
    last_only = settings.selection == ("last",)
    splits = ["test"] if last_only else ["dev", "test"]
    rows = table[table["split"].isin(splits)].reset_index(drop=True)
    return HeldOut(task.name, rows, task_type(task.type).encode(rows, tokenizer, task), last_only)


@dataclass(frozen=True)
class Seeds:
    """Seeds of the random streams of one run."""

    heads: int
    order: int
    labels: int
    steps: int


def derive_seeds(settings: TrainingSettings, seed: int) -> Seeds:
    """Derive the seeds of a run from study, phase, tasks and seed.

    None depends on the arm of a target: runs of two arms with one seed see the same data in the same order with the
    same initial head.
    """
    names = "+".join(sorted(settings.tasks))
    heads, order, labels, steps = (
        derive_seed(settings.study, settings.phase, names, stream, seed)
        for stream in ("init", "order", "labels", "steps")
    )
    return Seeds(heads, order, labels, steps)
