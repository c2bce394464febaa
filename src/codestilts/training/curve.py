"""The learning curve of a run: one record per step, downsampled for its ``run.json``."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

POINTS = 40  # of a stored curve: more than a figure of a few hundred pixels shows
REFERENCE_STEPS = 3  # steps of a task whose mean loss the later ones are divided by
WINDOW = 7  # steps of a task that its loss is averaged over
COLUMNS = ["step", "task", "tokens", "examples", "loss", "dev"]


@dataclass(frozen=True)
class StepRecord:
    """One step. ``scores`` are the tasks' dev metrics, empty between evaluations; ``dev`` is their mean."""

    step: int
    task: str
    tokens: int
    examples: int
    loss: float
    dev: float | None
    scores: dict[str, float]


def curve_table(steps: Sequence[StepRecord]) -> pd.DataFrame:
    """Make a table with one row per step: step, task, tokens, examples, loss, dev."""
    return pd.DataFrame([vars(step) for step in steps], columns=COLUMNS)


def downsample_curve(curve: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a curve at the ends of :data:`POINTS` stretches of steps: step, tokens so far, loss, dev (where measured).

    ``loss`` is relative to its start: each task's own, averaged over the tasks, since one task's loss may be ten times
    another's.
    """
    by_task = curve.pivot(columns="task", values="loss")
    relative = [
        losses / (losses.head(REFERENCE_STEPS).mean() or 1.0) for losses in (by_task[task].dropna() for task in by_task)
    ]
    smooth = [losses.rolling(WINDOW, min_periods=1).mean().reindex(curve.index).ffill().bfill() for losses in relative]
    steps = curve.assign(tokens=curve["tokens"].cumsum(), loss=pd.concat(smooth, axis=1).mean(axis=1))
    stretch = (pd.RangeIndex(len(steps)) * POINTS) // max(len(steps), POINTS)
    ends = steps.groupby(stretch)[["step", "tokens", "loss"]].last()
    ends = ends.assign(dev=steps.groupby(stretch)["dev"].last())
    return list(json.loads(ends.to_json(orient="records")))
