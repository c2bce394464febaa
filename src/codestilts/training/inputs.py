"""The inputs of a training job: what its seeds share, loaded once."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from codestilts.config.training_settings import TaskSettings, TrainingSettings
from codestilts.errors import CodeStiltsError
from codestilts.job_files import read_json, read_parquet, reading
from codestilts.seeding import derive_seed
from codestilts.tasktypes.base import Task
from codestilts.tasktypes.records import Records, Stored
from codestilts.tasktypes.registry import features_of, select_rows, task_type
from codestilts.training.encode import RECORD, ROWS, SPLITS
from codestilts.training.tokenizers import load_tokenizer

CPU = torch.device("cpu")


@dataclass(frozen=True)
class EncodedTask:
    """A task with its encoded examples.

    Attributes:
        task: the task.
        features: those of each split.
        rows: the rows of dev and test.
    """

    task: Task
    features: Mapping[str, Records[Any]]
    rows: pd.DataFrame

    @classmethod
    def load(cls, folder: Path, settings: TaskSettings, tokenizer: Any) -> "EncodedTask":
        """Map a folder that :func:`codestilts.training.encode.encode_task` wrote.

        Raises:
            CodeStiltsError: a file is damaged or missing.
        """
        with reading(folder / RECORD, "record of an encoded task"):
            record = read_json(folder / RECORD)
            labels, numbers = record["labels"], {split: int(record["records"][split]) for split in SPLITS}
        task = Task.from_settings(folder.name, settings, labels=labels)
        stored = {split: Stored(folder / split) for split in SPLITS}
        for split, records in stored.items():
            if len(records) != numbers[split]:
                raise CodeStiltsError(
                    f"{folder / split}: {len(records)} encoded examples, not the {numbers[split]} that {RECORD} "
                    f"names: delete {folder}, and make it again"
                )
        features = {split: features_of(records, tokenizer, task) for split, records in stored.items()}
        return cls(task, features, read_parquet(folder / ROWS))

    def select(self, splits: Sequence[str], language: str = "") -> "Rows":
        """Select the rows of splits, in the order of the table, and of a language if there is one."""
        chosen = (self.rows["split"].isin(splits) & ((self.rows["language"] == language) | (not language))).to_numpy()
        position = np.where(chosen, np.cumsum(chosen) - 1, -1)
        features: list[Any] = []
        for split in splits:
            of_split = position[(self.rows["split"] == split).to_numpy()]
            of_split = of_split[self.features[split].rows()]
            for number in np.flatnonzero(of_split >= 0).tolist():
                features.append(self.features[split][number] | {"example": int(of_split[number])})
        features.sort(key=itemgetter("example"))
        return Rows(self.rows[chosen].reset_index(drop=True), features)


@dataclass(frozen=True)
class Rows:
    """Rows of a task with their features, in the same order; ``example`` of a feature is the position of its row."""

    table: pd.DataFrame
    features: list[Any]


@dataclass(frozen=True)
class TaskData:
    """A task with its training features and the dev rows that training is scored on."""

    task: Task
    train: Records[Any]
    dev: Rows


@dataclass(frozen=True)
class Draw:
    """The training rows of a task that a seed trains on: positions among the ``pool`` of rows, in order."""

    rows: np.ndarray
    pool: int

    def record(self) -> dict[str, Any]:
        """The draw as ``run.json`` has it: numbers of rows, and a digest of the positions as 64-bit integers."""
        digest = hashlib.sha256(self.rows.astype("<i8").tobytes()).hexdigest()
        return {"rows": len(self.rows), "pool": self.pool, "digest": digest}


def _draw(data: TaskData, settings: TrainingSettings, seed: int) -> Draw:
    """Draw rows without replacement; all of them if the settings give no number."""
    rows, task = np.unique(data.train.rows()), settings.tasks[data.task.name]
    if not task.drawn:
        return Draw(rows, len(rows))
    size = min(task.drawn, math.ceil(task.most_drawn * len(rows)))
    rng = np.random.default_rng(derive_seed(settings.study, "draw", data.task.name, seed))
    return Draw(np.sort(rng.permutation(rows)[:size]), len(rows))


@dataclass(frozen=True)
class HeldOut:
    """Rows of a target that are predicted at evaluations; ``last_only`` leaves out all but the last."""

    target: str
    rows: Rows
    last_only: bool


@dataclass(frozen=True)
class TrainingInputs:
    """What the seeds of a job share."""

    settings: TrainingSettings
    tokenizer: Any
    tasks: dict[str, TaskData]
    device: torch.device = CPU
    held_out: HeldOut | None = None

    def draw(self, seed: int) -> dict[str, "Draw"]:
        """Draw the training rows of every task for a seed.

        The draw depends on the task and the seed alone: single tasks, mixtures and controls, of any encoder, train on
        the same rows.
        """
        return {name: _draw(data, self.settings, seed) for name, data in self.tasks.items()}

    def features(self, draws: Mapping[str, "Draw"], labels_seed: int) -> dict[str, Records[Any]]:
        """Return the features of the drawn rows of every task; ``labels_seed`` is that of wrong or shuffled labels."""
        found = {}
        for name, data in self.tasks.items():
            features, module = data.train, task_type(data.task.type)
            if len(draws[name].rows) < draws[name].pool:
                features = select_rows(features, draws[name].rows, self.tokenizer, data.task)
            if share := self.settings.tasks[name].flipped:
                features = module.flip(features, share, derive_seed("flip", name, labels_seed), data.task)
            if self.settings.shuffle_labels:
                features = module.shuffle(features, labels_seed, self.tokenizer, data.task)
            found[name] = features
        return found


def load_inputs(
    settings: TrainingSettings, encoder: Path, encoded: Sequence[Path], device: torch.device, held_out: bool
) -> TrainingInputs:
    """Load the inputs of a job.

    Args:
        settings: the settings of the job.
        encoder: the folder of the tokenizer.
        encoded: one folder per task, named after it (:mod:`codestilts.training.encode`).
        device: where the job computes.
        held_out: predict the target's test rows and, if checkpoints are selected, its dev rows.

    Raises:
        CodeStiltsError: a task has no training rows.
    """
    tokenizer = load_tokenizer(encoder)
    tasks = [EncodedTask.load(folder, settings.tasks[folder.name], tokenizer) for folder in encoded]
    return prepare_inputs(settings, tokenizer, tasks, device, held_out)


def prepare_inputs(
    settings: TrainingSettings,
    tokenizer: Any,
    encoded: Sequence[EncodedTask],
    device: torch.device = CPU,
    held_out: bool = False,
) -> TrainingInputs:
    """Make the inputs of a job from encoded tasks (see :func:`load_inputs`)."""
    by_name = {data.task.name: data for data in encoded}
    tasks = {name: _task_data(by_name[name], settings) for name in sorted(by_name)}
    held = _held_out(by_name[settings.target], settings) if held_out else None
    return TrainingInputs(settings, tokenizer, tasks, device, held)


def _task_data(encoded: EncodedTask, settings: TrainingSettings) -> TaskData:
    if not len(encoded.features["train"]):
        raise CodeStiltsError(f"task {encoded.task.name}: the train split is empty")
    return TaskData(encoded.task, encoded.features["train"], encoded.select(["dev"], settings.source_language))


def _held_out(encoded: EncodedTask, settings: TrainingSettings) -> HeldOut:
    last_only = settings.selection == ("last",)
    return HeldOut(encoded.task.name, encoded.select(["test"] if last_only else ["dev", "test"]), last_only)


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
