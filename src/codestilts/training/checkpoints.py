"""Progress of a training run that survives a kill: weights, optimiser and curve, outside the declared outputs.

Snakemake deletes the outputs of an unfinished job, so what a killed job had reached is kept elsewhere and removed on
success. Tensors only, in safetensors; the folder is replaced whole, so it is never half written.
"""

import json
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from codestilts.provenance import atomic
from codestilts.training import distributed
from codestilts.training.microbatches import Split

POINTS = 40  # of a curve that is kept, which is plenty for a drawing
SHARE = 0.03  # of the time of a training that checkpoints may take: where a disk is slow there are fewer of them
FIRST, WINDOW = 3, 7  # steps of a task that its loss is compared with, and over which it is averaged


def thinned(curve: pd.DataFrame, points: int = POINTS) -> list[dict[str, Any]]:
    """A run's curve at the ends of ``points`` stretches of steps: step, tokens so far, loss, dev (where measured).

    ``loss`` is relative to its start: each task's own, averaged over the tasks, since one task's loss may be ten times
    another's.
    """
    own = curve.pivot(columns="task", values="loss")
    tasks = [losses / (losses.head(FIRST).mean() or 1.0) for losses in (own[task].dropna() for task in own)]
    smooth = [losses.rolling(WINDOW, min_periods=1).mean().reindex(curve.index).ffill().bfill() for losses in tasks]
    steps = curve.assign(tokens=curve["tokens"].cumsum(), loss=pd.concat(smooth, axis=1).mean(axis=1))
    stretch = (pd.RangeIndex(len(steps)) * points) // max(len(steps), points)
    ends = steps.groupby(stretch)[["step", "tokens", "loss"]].last()
    ends = ends.assign(dev=steps.groupby(stretch)["dev"].last())
    return list(json.loads(ends.to_json(orient="records")))


class Progress:
    """The rows of the curve so far and, every ``minutes``, a checkpoint of everything needed to go on."""

    def __init__(
        self,
        encoder: nn.Module,
        heads: nn.Module,
        optimiser: torch.optim.Optimizer,
        schedule: Any,
        scale: torch.amp.GradScaler,
        split: Split,
        folder: Path | None,
        minutes: float,
    ) -> None:
        self.parts = {"encoder": encoder, "heads": heads}
        self.optimiser, self.schedule, self.scale, self.split = optimiser, schedule, scale, split
        self.folder, self.minutes = folder, minutes
        self.rows: list[dict[str, Any]] = []
        self.saved, self.took = time.monotonic(), 0.0

    def curve(self) -> pd.DataFrame:
        """One row a step: step, task, tokens, examples, loss, dev."""
        return pd.DataFrame(self.rows, columns=["step", "task", "tokens", "examples", "loss", "dev"])

    def add(self, row: dict[str, Any], done: int) -> None:
        """Note a finished step; save when ``minutes`` have passed since the last time, and :data:`SHARE` allows it."""
        self.rows.append(row)
        due = self.saved + max(self.minutes * 60, self.took / SHARE)
        if self.folder and not distributed.rank() and time.monotonic() >= due:
            self.save(done)

    def save(self, done: int) -> None:
        """Write a checkpoint after ``done`` steps in place of the last one."""
        assert self.folder
        began = time.monotonic()
        tensors = {
            f"{part}/{name}": value.detach().clone().contiguous()
            for part, module in self.parts.items()
            for name, value in module.state_dict().items()
        }
        state = self.optimiser.state_dict()
        for number, values in state["state"].items():
            tensors |= {f"optimiser/{number}/{name}": torch.as_tensor(value) for name, value in values.items()}
        record = {"done": done, "rows": self.rows, "groups": state["param_groups"]}
        record |= {"scale": self.scale.state_dict(), "split": asdict(self.split)}
        previous = self.folder.with_name(self.folder.name + ".previous")
        with atomic(self.folder.with_name(self.folder.name + ".new")) as temporary:
            temporary.mkdir()
            save_file(tensors, temporary / "state.safetensors")
            (temporary / "state.json").write_text(json.dumps(record), encoding="utf-8")
        shutil.rmtree(previous, ignore_errors=True)
        if self.folder.exists():
            self.folder.rename(previous)
        self.folder.with_name(self.folder.name + ".new").rename(self.folder)
        shutil.rmtree(previous, ignore_errors=True)
        self.saved = time.monotonic()
        self.took = self.saved - began

    def resume(self) -> int:
        """Load the checkpoint if there is one; returns the number of steps already done."""
        if not self.folder or not (self.folder / "state.json").exists():
            return 0
        record = json.loads((self.folder / "state.json").read_bytes())
        tensors = load_file(self.folder / "state.safetensors")
        for part, module in self.parts.items():
            prefix = f"{part}/"
            module.load_state_dict(
                {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
            )
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("optimiser/"):
                _, number, name = key.split("/")
                moments.setdefault(int(number), {})[name] = value
        self.optimiser.load_state_dict({"state": moments, "param_groups": record["groups"]})
        self.schedule.last_epoch = record["done"]
        if record["scale"]:
            self.scale.load_state_dict(record["scale"])
        vars(self.split).update(record["split"])
        self.rows = record["rows"]
        return record["done"]
