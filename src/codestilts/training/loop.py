"""Train an encoder and one head per task for a fixed number of steps of a fixed number of tokens.

:func:`train` serves both phases: an intermediate arm has one or several tasks, a target one. All randomness comes from
``derive_seed(study, ..., seed)``.
"""

import gc
import math
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from codestilts.config.training_settings import to_plain
from codestilts.errors import CodeStiltsError
from codestilts.provenance import environment, peak_memory_mb
from codestilts.seeding import derive_seed
from codestilts.tasktypes.base import Batch, move_batch, pin_batch
from codestilts.tasktypes.generation import cut_outputs
from codestilts.tasktypes.registry import task_type
from codestilts.tasktypes.text_decoder import has_decoder
from codestilts.training import models
from codestilts.training.batching import PlannedStep, plan_steps
from codestilts.training.checkpoint_selection import score
from codestilts.training.checkpoints import TrainingState
from codestilts.training.curve import StepRecord, curve_table
from codestilts.training.devices import device_name
from codestilts.training.distributed import rank, run_on_rank_zero
from codestilts.training.inputs import Seeds, TrainingInputs, derive_seeds
from codestilts.training.microbatches import backward
from codestilts.training.models import Model
from codestilts.training.optimisation import new_optimisation
from codestilts.training.precision import precision_record
from codestilts.training.prediction import predict
from codestilts.training.prefetch import Prefetch

PROGRESS_SECONDS = 10  # between two progress lines
LOSSES_AT_ONCE = {"cpu": 1, "cuda": 10}  # steps whose losses are read together: reading one makes a GPU wait


@dataclass
class Trained:
    """The result of training one seed.

    Attributes:
        seed: the seed.
        parent: the model folder that it started from.
        encoder: the encoder, adapters merged.
        heads: the heads by task.
        curve: one row per step: step, tokens, loss, dev.
        record: the fields of ``run.json``.
        predictions: predictions of held-out rows by step, in the process of rank 0.
    """

    seed: int
    parent: Path
    encoder: PreTrainedModel
    heads: nn.ModuleDict
    curve: pd.DataFrame
    record: dict[str, Any]
    predictions: dict[int, pd.DataFrame]


def train(inputs: TrainingInputs, seed: int, parent: Path, checkpoint: Path | None = None) -> Trained:
    """Train one seed, starting from the model folder ``parent``.

    An interrupted run continues from the folder ``checkpoint``.

    Raises:
        CodeStiltsError: a loss is not finite, or the memory of the GPU is too small.
    """
    gc.collect()  # the model of a finished run: its optimiser and its schedule refer to each other
    run = Run(inputs, seed, parent, checkpoint)
    try:
        for step in range(run.finished + 1, len(run.plan) + 1):
            run.step(step)
    finally:
        run.batches.close()
    return run.result()


class Run:
    """One seed in training."""

    def __init__(self, inputs: TrainingInputs, seed: int, parent: Path, checkpoint: Path | None) -> None:
        settings = inputs.settings
        self.started = self.shown = time.perf_counter()
        self.inputs, self.settings, self.seed, self.parent = inputs, settings, seed, parent
        self.seeds = derive_seeds(settings, seed)
        self.model = _new_model(inputs, seed, self.seeds, parent)
        self.draws = inputs.draw(seed)
        self.features = inputs.features(self.draws, self.seeds.labels)
        self.tokens = {name: features.tokens() for name, features in self.features.items()}
        self.plan = plan_steps(self.tokens, settings, self.seeds.order)
        self.batches = Prefetch(self._batch, len(self.plan))
        self.unread: list[tuple[int, Tensor]] = []  # steps whose losses are still on the device
        self.evaluation_steps = _evaluation_steps(len(self.plan), settings.evaluations)
        self.optimisation = new_optimisation(self.model, settings, len(self.plan), inputs.device)
        self.state = TrainingState(self.model, self.optimisation, checkpoint, settings.checkpoint_minutes)
        self.finished = self.state.resume()
        if self.finished and rank() == 0:
            print(f"{settings.label}  seed {seed} continues after step {self.finished} of {len(self.plan)}", flush=True)

    def step(self, number: int) -> None:
        """Train one step; evaluate if it is due, show it if it is time."""
        planned = self.plan[number - 1]
        loss = self._backward(number, planned)
        self.optimisation.update()
        self.unread.append((number, loss))
        due = number in self.evaluation_steps
        if due or len(self.unread) >= LOSSES_AT_ONCE[self.inputs.device.type]:
            losses = self._read_losses()  # before the evaluation, which a model that diverged would waste
            self._record(losses, run_on_rank_zero(partial(self._evaluate, number)) if due else {})
            if rank() == 0 and (due or time.perf_counter() - self.shown > PROGRESS_SECONDS):
                self._show(self.state.steps[-1])

    def _read_losses(self) -> dict[int, float]:
        """Return the losses, by step, that were not read yet."""
        losses = torch.stack([loss for _, loss in self.unread]).tolist()
        read = {number: loss for (number, _), loss in zip(self.unread, losses, strict=True)}
        self.unread.clear()
        for number, loss in read.items():
            if not math.isfinite(loss):
                raise CodeStiltsError(
                    f"{self._where(number)}: the loss of task {self.plan[number - 1].task} is {loss}: lower "
                    f"learning_rate ({self.settings.learning_rate}) or check the examples"
                )
        return read

    def _record(self, losses: dict[int, float], scores: dict[str, float]) -> None:
        """Record steps; ``scores`` are those of the last of them."""
        records = []
        for number, loss in losses.items():
            planned, is_last = self.plan[number - 1], number == max(losses)
            record = StepRecord(
                step=number,
                task=planned.task,
                tokens=int(self.tokens[planned.task][planned.indices].sum()),
                examples=len(planned.indices),
                loss=loss,
                dev=float(np.mean(list(scores.values()))) if is_last and scores else None,
                scores=scores if is_last else {},
            )
            records.append(record)
        self.state.add(records)

    def result(self) -> Trained:
        """Return the trained model with its curve, record and predictions."""
        curve = curve_table(self.state.steps)
        record = _record(self, curve) | asdict(self.state.micro_batching) | {"dev": self.state.steps[-1].scores}
        encoder = models.merge_adapters(self.model.encoder)
        return Trained(
            seed=self.seed,
            parent=self.parent,
            encoder=encoder,
            heads=self.model.heads,
            curve=curve,
            record=record,
            predictions=self.state.predictions,
        )

    def _batch(self, number: int) -> Batch:
        """Make the batch of a step."""
        planned, tokenizer = self.plan[number - 1], self.inputs.tokenizer
        features = [self.features[planned.task][index] for index in planned.indices]
        rng = np.random.default_rng([self.seeds.steps, number])
        batch: Batch = task_type(self.inputs.tasks[planned.task].task.type).collate(features, tokenizer, rng)
        return pin_batch(batch) if self.inputs.device.type == "cuda" else batch

    def _backward(self, number: int, planned: PlannedStep) -> Tensor:
        """Compute the gradients of a batch, in more micro-batches if memory is short; return the loss."""
        model = self.model.of_task(planned.task)
        batch = move_batch(self.batches.get(number), self.inputs.device)
        model.encoder.train()
        model.head.train()
        micro_batching, seed = self.state.micro_batching, derive_seed(self.seeds.steps, number)
        while (loss := backward(model, batch, micro_batching.parts, seed, self.optimisation.scaler)) is None:
            micro_batching.double(number, len(planned.indices), self._where(number))
        return loss

    def _where(self, number: int) -> str:
        return f"{self.settings.label}, seed {self.seed}, step {number} of {len(self.plan)}"

    def _evaluate(self, number: int) -> dict[str, float]:
        """Return each task's dev metric (MLM has none), and keep the predictions of held-out rows."""
        scores = {}
        for name, data in self.inputs.tasks.items():
            if len(data.dev.table) and data.task.type != "mlm":
                found = predict(self.model.of_task(name), data.dev.table, data.dev.features)
                scores[name] = score(found, data.task.metric)
        held_out = self.inputs.held_out
        if held_out and (number == len(self.plan) or not held_out.last_only):
            model = self.model.of_task(held_out.target)
            self.state.predictions[number] = predict(model, held_out.rows.table, held_out.rows.features)
        return scores

    def _show(self, record: StepRecord) -> None:
        self.shown = time.perf_counter()
        dev = "" if record.dev is None else f"  dev {record.dev:.3f}"
        print(
            f"{self.settings.label}  seed {self.seed}  step {record.step}/{len(self.plan)}  loss {record.loss:.3f}"
            f"{dev}  {self.shown - self.started:.0f} s",
            flush=True,
        )


def _new_model(inputs: TrainingInputs, seed: int, seeds: Seeds, parent: Path) -> Model:
    """Load the encoder of ``parent``, add new heads and, if the arm has them, adapters; move all to the device."""
    settings = inputs.settings
    torch.manual_seed(models.weights_seed(settings.study, seed))
    tasks = {name: data.task for name, data in inputs.tasks.items()}
    with_mlm = any(task.type == "mlm" for task in tasks.values())
    encoder, mlm_head = models.load_encoder(parent, init=settings.init, dropout=settings.dropout, mlm=with_mlm)
    if settings.freeze_embeddings:
        models.freeze_embeddings(encoder)
    heads = nn.ModuleDict(
        {
            name: models.new_head(task, encoder, inputs.tokenizer, mlm_head, seeds.heads, settings.dropout)
            for name, task in tasks.items()
        }
    )
    trained = models.add_adapters(encoder, settings.lora) if settings.lora else encoder
    if settings.freeze_decoder:
        models.freeze_decoders(trained, heads)
    trained.to(inputs.device)
    heads.to(inputs.device)
    return Model(trained, heads, tasks, inputs.tokenizer, settings.precision)


def _evaluation_steps(steps: int, evaluations: int) -> set[int]:
    """Spread the evaluations evenly over the steps; the last step is one of them."""
    return {round(steps / evaluations * (number + 1)) for number in range(evaluations)}


def _record(run: Run, curve: pd.DataFrame) -> dict[str, Any]:
    settings = run.settings
    return {
        **{key: getattr(settings, key) for key in ("study", "phase", "encoder", "arm")},
        **({"target": settings.target} if settings.target else {}),
        "seed": run.seed,
        **_cut_outputs(run),
        "drawn": {name: draw.record() for name, draw in run.draws.items()},
        "parent": run.parent.as_posix(),
        "carried_over": ["encoder", "decoder"] if has_decoder(run.model.encoder) else ["encoder"],
        "trained": models.trained_parts(run.model.encoder, run.model.heads),
        "settings": to_plain(settings),
        "steps": len(curve),
        "tokens": int(curve["tokens"].sum()),
        "examples_seen": int(curve["examples"].sum()),
        "seconds": round(time.perf_counter() - run.started, 2),
        "peak_memory_mb": peak_memory_mb(),
        "loss_first": float(curve["loss"].head(5).mean()) if len(curve) else None,
        "loss_last": float(curve["loss"].tail(5).mean()) if len(curve) else None,
        **precision_record(run.inputs.device, settings.precision),
        **environment(device_name(run.inputs.device), torch.get_num_threads()),
    }


def _cut_outputs(run: Run) -> dict[str, dict[str, int]]:
    """The number of training outputs of each task of generation that are longer than outputs may be."""
    tasks = {name: data.task for name, data in run.inputs.tasks.items() if data.task.type == "generation"}
    tokenizer = run.inputs.tokenizer
    counts = {name: cut_outputs(run.features[name], tokenizer, task) for name, task in tasks.items()}
    return {"cut_outputs": counts} if counts else {}
