"""The state of a training run that survives a kill: weights, optimiser, curve and predictions.

Snakemake deletes the outputs of an unfinished job, so its state is kept outside them and removed on success. Weights
are tensors in safetensors. The folder is replaced as a whole, so it is never half written.
"""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import load_file, save_file

from codestilts.errors import CodeStiltsError
from codestilts.job_files import read_json, read_parquet, reading, reading_weights
from codestilts.provenance import atomic
from codestilts.training.curve import StepRecord
from codestilts.training.distributed import rank
from codestilts.training.microbatches import MicroBatching
from codestilts.training.models import Model, state_of
from codestilts.training.optimisation import Optimisation

MAX_SHARE = 0.03  # of a run's time that checkpoints may take: on a slow disk there are fewer


class TrainingState:
    """Everything that changes during a run, and its checkpoint.

    Attributes:
        steps: the finished steps.
        predictions: predictions of held-out rows by step, in the process of rank 0.
        micro_batching: how batches are split.
    """

    def __init__(self, model: Model, optimisation: Optimisation, folder: Path | None, minutes: float) -> None:
        self.model, self.optimisation = model, optimisation
        self.folder, self.minutes = folder, minutes
        self.micro_batching = MicroBatching()
        self.steps: list[StepRecord] = []
        self.predictions: dict[int, pd.DataFrame] = {}
        self.saved_at, self.save_seconds = time.monotonic(), 0.0

    def add(self, steps: Sequence[StepRecord]) -> None:
        """Record finished steps; save if ``minutes`` have passed since the last time and :data:`MAX_SHARE` allows."""
        self.steps += steps
        due = self.saved_at + max(self.minutes * 60, self.save_seconds / MAX_SHARE)
        if self.folder and rank() == 0 and time.monotonic() >= due:
            self.save()

    def save(self) -> None:
        """Write a checkpoint in place of the last one."""
        assert self.folder
        began = time.monotonic()
        new, previous = (self.folder.with_name(f"{self.folder.name}.{kind}") for kind in ("new", "previous"))
        with atomic(new) as temporary:
            temporary.mkdir()
            save_file(self._tensors(), temporary / "state.safetensors")
            for step, rows in self.predictions.items():
                rows.to_parquet(temporary / f"{step}.parquet", index=False)
            (temporary / "state.json").write_text(json.dumps(self._record()), encoding="utf-8")
        shutil.rmtree(previous, ignore_errors=True)
        if self.folder.exists():
            self.folder.rename(previous)
        new.rename(self.folder)
        shutil.rmtree(previous, ignore_errors=True)
        self.saved_at = time.monotonic()
        self.save_seconds = self.saved_at - began

    def _tensors(self) -> dict[str, torch.Tensor]:
        tensors = {
            f"{part}/{name}": value.detach().clone().contiguous()
            for part, module in (("encoder", self.model.encoder), ("heads", self.model.heads))
            for name, value in state_of(module).items()
        }
        for number, values in self.optimisation.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{number}/{name}": torch.as_tensor(value) for name, value in values.items()}
        return tensors

    def _record(self) -> dict[str, Any]:
        return {
            "steps": [asdict(step) for step in self.steps],
            "groups": self.optimisation.optimiser.state_dict()["param_groups"],
            "scaler": self.optimisation.scaler.state_dict(),
            "micro_batching": asdict(self.micro_batching),
        }

    def resume(self) -> int:
        """Load the checkpoint if there is one that can be read; return the number of finished steps."""
        if not self.folder or not (self.folder / "state.json").exists():
            return 0
        try:
            record, tensors, predictions = self._read(self.folder)
        except CodeStiltsError as error:
            print(f"{error}: the run starts again", flush=True)
            return 0
        self._load_tensors(tensors, record["groups"])
        self.steps = [StepRecord(**step) for step in record["steps"]]
        self.optimisation.schedule.last_epoch = len(self.steps)
        if record["scaler"]:
            self.optimisation.scaler.load_state_dict(record["scaler"])
        self.micro_batching = MicroBatching(**record["micro_batching"])
        if rank() == 0:
            self.predictions = predictions
        return len(self.steps)

    @staticmethod
    def _read(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor], dict[int, pd.DataFrame]]:
        """Read all of a checkpoint, so that a damaged one changes nothing."""
        record = read_json(folder / "state.json")
        file = folder / "state.safetensors"
        with reading(file, "checkpoint"), reading_weights(file):
            tensors = load_file(file)
        return record, tensors, {int(path.stem): read_parquet(path) for path in folder.glob("*.parquet")}

    def _load_tensors(self, tensors: dict[str, torch.Tensor], groups: list[dict[str, Any]]) -> None:
        weights: dict[str, dict[str, torch.Tensor]] = {"encoder": {}, "heads": {}}
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            part, name = key.split("/", 1)
            if part == "optimiser":
                number, moment = name.split("/")
                moments.setdefault(int(number), {})[moment] = value
            else:
                weights[part][name] = value
        self.model.encoder.load_state_dict(self.model.encoder.state_dict() | weights["encoder"])
        self.model.heads.load_state_dict(self.model.heads.state_dict() | weights["heads"])
        self.optimisation.optimiser.load_state_dict({"state": moments, "param_groups": groups})
