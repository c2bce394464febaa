"""Phases 2 and 3: train an encoder and one head a task for a fixed number of steps of a fixed number of tokens.

One function, :func:`train`, serves both phases: an intermediate arm has one or several tasks, a target one. Nothing
random comes from anywhere but ``derive_seed(study, ..., seed)``, and none of it depends on the arm in phase 3, so runs
of two arms with one seed see the same data in the same order with the same head initialisation.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from transformers import PreTrainedModel

from codestilts.errors import CodeStiltsError
from codestilts.provenance import environment, peak_memory_mb
from codestilts.seeding import derive_seed
from codestilts.tasktypes.base import Feature, Task
from codestilts.tasktypes.registry import task_type
from codestilts.training import checkpoints, distributed, models
from codestilts.training.batching import plan_batches, task_schedule
from codestilts.training.checkpoint_selection import score
from codestilts.training.devices import device_name
from codestilts.training.microbatches import Split, backward
from codestilts.training.precision import scaler
from codestilts.training.prediction import predict

SHOWN_EVERY = 10  # seconds between two lines about a training that goes on

CPU = torch.device("cpu")
OnCheck = Callable[[int, bool, PreTrainedModel, nn.ModuleDict], None]


@dataclass
class Trained:
    """What training made: the encoder, the heads, the curve (step, tokens, loss, dev) and the record for run.json."""

    encoder: PreTrainedModel
    heads: nn.ModuleDict
    curve: pd.DataFrame
    record: dict[str, Any]


def train(
    parent: Path,
    examples: dict[str, pd.DataFrame],
    tokenizer: Any,
    settings: dict[str, Any],
    seed: int,
    checkpoint: Path | None = None,
    features: dict[str, list[Feature]] | None = None,
    on_check: OnCheck | None = None,
    device: torch.device = CPU,
) -> Trained:
    """Train on the ``train`` split of every task's examples, starting from the model folder ``parent``.

    ``settings`` (resolved by the study): phase, tasks, steps, tokens_per_step, learning_rate, warmup, weight_decay,
    clip, dropout, freeze_embeddings, evaluations, init, shuffle_labels, cap, method, precision, lora; with ``epochs``
    and ``batch_size`` a step is a number of examples and there are as many as the epochs take. An interrupted run goes
    on from ``checkpoint``. ``features`` are the encoded examples (:func:`encode`), where several seeds share them.
    ``on_check`` is called at each evaluation with the step, whether it is the last, encoder and heads. Raises
    :class:`CodeStiltsError` for an empty split or a loss that is not finite.
    """
    started, names = time.perf_counter(), sorted(examples)
    tasks = {name: Task.from_settings(name, settings["tasks"][name], examples[name]) for name in names}
    seeds = {
        part: derive_seed(settings["study"], settings["phase"], "+".join(names), part, seed)
        for part in ("init", "order", "labels", "steps")
    }
    torch.manual_seed(initial_seed(settings["study"], seed))
    with_mlm = any(task.type == "mlm" for task in tasks.values())
    encoder, mlm_head = models.load_encoder(parent, init=settings["init"], dropout=settings["dropout"], mlm=with_mlm)
    if settings["freeze_embeddings"]:
        models.freeze_embeddings(encoder)
    heads = nn.ModuleDict(
        {
            name: models.new_head(task, encoder, tokenizer, mlm_head, seeds["init"], settings["dropout"])
            for name, task in tasks.items()
        }
    )
    features = features or encode(examples, tokenizer, settings, seeds["labels"])
    dev = {name: _dev_rows(examples[name], settings) for name in names}
    rate = settings["learning_rate"]
    if settings["method"] == "lora":
        encoder = models.add_adapters(encoder, settings["lora"])  # type: ignore[assignment]
        rate *= settings["lora"]["learning_rate_factor"]

    encoder.to(device)  # type: ignore[arg-type]
    heads.to(device)
    parameters = _parameters(encoder, heads)
    optimiser = _optimiser(parameters, rate, settings["weight_decay"])
    plan, batches = _plan(features, settings, seeds["order"])
    steps = len(plan)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _rate(steps, settings["warmup"]))
    scale, split = scaler(device, settings["precision"]), Split()
    state = checkpoints.Progress(
        encoder, heads, optimiser, schedule, scale, split, checkpoint, settings["checkpoint_minutes"]
    )
    done = state.resume()
    if done and not distributed.rank():
        print(f"{settings['label']}  seed {seed} goes on after step {done} of {steps}", flush=True)
    every = steps / settings["evaluations"]
    checks = {round(every * (part + 1)) for part in range(settings["evaluations"])}
    evaluate = partial(_dev, encoder, heads, dev, tasks, tokenizer, settings["precision"])
    shown = time.perf_counter()
    for step in range(done + 1, steps + 1):
        name = plan[step - 1]
        chosen = [features[name][index] for index in batches[step - 1]]
        batch = task_type(tasks[name].type).collate(chosen, tokenizer, np.random.default_rng([seeds["steps"], step]))
        batch = {key: value.to(device) for key, value in batch.items()}
        encoder.train()
        heads.train()
        about = (heads[name], encoder, batch, len(chosen))
        drawn = derive_seed(seeds["steps"], step)
        while (loss := backward(*about, split.parts, drawn, settings["precision"], scale)) is None:
            split.double(step, len(chosen), f"{settings['label']}, seed {seed}, step {step} of {steps}")
        if not math.isfinite(loss):
            raise CodeStiltsError(
                f"{settings['label']}, seed {seed}: the loss of task {name} is {loss} at step {step} of "
                f"{steps}: lower learning_rate ({settings['learning_rate']}) or look at the examples"
            )
        scale.unscale_(optimiser)
        nn.utils.clip_grad_norm_(parameters, settings["clip"])
        scale.step(optimiser)
        scale.update()
        schedule.step()
        optimiser.zero_grad(set_to_none=True)
        scores = distributed.first(evaluate) if step in checks else {}
        if step in checks and on_check:
            distributed.first(partial(on_check, step, step == steps, encoder, heads))
        row = {
            "step": step,
            "task": name,
            "tokens": sum(feature["tokens"] for feature in chosen),
            "examples": len(chosen),
            "loss": loss,
            "dev": float(np.mean(list(scores.values()))) if scores else None,
            "scores": scores,
        }
        state.add(row, done=step)
        if not distributed.rank() and (step in checks or time.perf_counter() - shown > SHOWN_EVERY):
            shown = time.perf_counter()
            _show(f"{settings['label']}  seed {seed}  step {step}/{steps}", row, started)
    encoder = models.merge_adapters(encoder)
    curve = state.curve()
    record = _record(settings, seed, parent, curve, time.perf_counter() - started, device)
    return Trained(encoder, heads, curve, record | asdict(split) | {"dev": state.rows[-1]["scores"]})


def encode(
    examples: dict[str, pd.DataFrame], tokenizer: Any, settings: dict[str, Any], seed: int = 0
) -> dict[str, list[Feature]]:
    """The features of every task's train split; ``seed`` shuffles the labels, where the settings say so."""
    features = {}
    for name, rows in examples.items():
        task = Task.from_settings(name, settings["tasks"][name], rows)
        rows = _split(rows, "train", name)
        if settings["shuffle_labels"]:
            rows = task_type(task.type).shuffle(rows, seed)
        features[name] = task_type(task.type).encode(rows, tokenizer, task)
    return features


def initial_seed(study: str, seed: int) -> int:
    """The torch seed before an encoder is loaded: what random weights, if any, are drawn from."""
    return derive_seed(study, "weights", seed)


def _split(examples: pd.DataFrame, split: str, task: str) -> pd.DataFrame:
    rows = examples[examples["split"] == split]
    if rows.empty:
        raise CodeStiltsError(f"task {task}: the {split} split is empty")
    return rows


def _dev_rows(examples: pd.DataFrame, settings: dict[str, Any]) -> pd.DataFrame:
    """The dev rows that training is judged by: a target's are those of its source language."""
    rows = examples[examples["split"] == "dev"]
    return rows[rows["language"] == settings["source_language"]] if settings.get("source_language") else rows


def _plan(features: dict[str, list[Feature]], settings: dict[str, Any], seed: int) -> tuple[list[str], list[list[int]]]:
    """The task of each step, and the indices of its features: so many tokens a step, or so many examples (a recipe)."""
    lengths = {name: [feature["tokens"] for feature in features[name]] for name in sorted(features)}
    sizes = {name: len(found) for name, found in lengths.items()}
    steps, worth = settings["steps"], settings["tokens_per_step"]
    if "epochs" in settings:
        lengths = {name: [1] * size for name, size in sizes.items()}
        worth = settings["batch_size"]
        epoch = sum(min(size, settings["cap"]) for size in sizes.values())
        steps = max(1, math.ceil(settings["epochs"] * epoch / worth))
    means = {name: float(np.mean(found)) for name, found in lengths.items()}
    plan = task_schedule(sizes, means, settings["cap"], steps, seed)
    return plan, plan_batches(lengths, plan, worth, seed)


def _parameters(*modules: nn.Module) -> list[nn.Parameter]:
    """Each parameter once: a masked-language-model head shares the encoder's word embeddings."""
    return list(dict.fromkeys(value for module in modules for value in module.parameters()))


def _optimiser(parameters: list[nn.Parameter], rate: float, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW, without weight decay on biases and layer norms (vectors), as Devlin et al. 2019 have it."""
    trained = [value for value in parameters if value.requires_grad]
    groups = [
        {"params": [value for value in trained if value.ndim > 1], "weight_decay": weight_decay},
        {"params": [value for value in trained if value.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=rate, fused=True)


def _rate(steps: int, warmup: float) -> Any:
    """Linear warm-up over the first ``warmup`` share of the steps, then linear decay to zero."""
    rise = max(1, round(steps * warmup))
    return lambda step: min((step + 1) / rise, max(0.0, (steps - step) / max(1, steps - rise)))


def _dev(
    encoder: nn.Module,
    heads: nn.ModuleDict,
    dev: dict[str, pd.DataFrame],
    tasks: dict[str, Task],
    tokenizer: Any,
    precision: str,
) -> dict[str, float]:
    """Each task's metric on its dev rows; without the tasks that have nothing to measure."""
    scores = {}
    for name, rows in dev.items():
        if len(rows) and tasks[name].type != "mlm":
            found = predict(encoder, heads[name], rows, tasks[name], tokenizer, precision=precision)
            scores[name] = score(found, tasks[name].metric)
    return scores


def _show(where: str, row: dict[str, Any], started: float) -> None:
    dev = "" if row["dev"] is None else f"  dev {row['dev']:.3f}"
    print(f"{where}  loss {row['loss']:.3f}{dev}  {time.perf_counter() - started:.0f} s", flush=True)


def _record(
    settings: dict[str, Any], seed: int, parent: Path, curve: pd.DataFrame, seconds: float, device: torch.device
) -> dict[str, Any]:
    return {
        **{key: settings[key] for key in ("study", "phase", "encoder", "arm", "target") if key in settings},
        "seed": seed,
        "parent": parent.as_posix(),
        "settings": json.loads(json.dumps(settings)),
        "steps": len(curve),
        "tokens": int(curve["tokens"].sum()),
        "examples_seen": int(curve["examples"].sum()),
        "seconds": round(seconds, 2),
        "peak_memory_mb": peak_memory_mb(),
        "loss_first": float(curve["loss"].head(5).mean()) if len(curve) else None,
        "loss_last": float(curve["loss"].tail(5).mean()) if len(curve) else None,
        **environment(device_name(device), torch.get_num_threads()),
    }
