"""The optimiser of a run: AdamW with linear warm-up and decay, gradient clipping, loss scaling."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from codestilts.config.training_settings import TrainingSettings
from codestilts.training.models import Model
from codestilts.training.precision import gradient_scaler


@dataclass(frozen=True)
class Optimisation:
    """What turns gradients into updates of the parameters."""

    parameters: list[nn.Parameter]
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LambdaLR
    scaler: torch.amp.GradScaler
    clip: float  # largest norm of the gradient

    def update(self) -> None:
        """Apply the gradients and clear them."""
        self.scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.schedule.step()
        self.optimiser.zero_grad(set_to_none=True)


def new_optimisation(model: Model, settings: TrainingSettings, steps: int, device: torch.device) -> Optimisation:
    """Set up the optimisation of a model for a run of ``steps``.

    The factor of LoRA scales the rate of its adapters only: heads learn as they do in full fine-tuning.
    """
    rate = settings.learning_rate
    of_encoder = rate * (settings.lora.learning_rate_factor if settings.lora else 1)
    parameters, heads = model.parameters(), new_head_parameters(model)
    rest = [value for value in parameters if value not in heads]
    of_heads = [value for value in parameters if value in heads]
    groups = _groups(rest, of_encoder, settings.weight_decay)
    groups += _groups(of_heads, settings.head_learning_rate or rate, settings.weight_decay)
    optimiser = torch.optim.AdamW(groups, lr=rate, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, warmup_and_decay(steps, settings.warmup))
    return Optimisation(parameters, optimiser, schedule, gradient_scaler(device, settings.precision), settings.clip)


def new_head_parameters(model: Model) -> set[nn.Parameter]:
    """Return the parameters of the heads that start from random weights: all but that of masked language modelling."""
    heads = [head for name, head in model.heads.items() if model.tasks[name].type != "mlm"]
    return {value for head in heads for value in head.parameters()}


def _groups(parameters: list[nn.Parameter], learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
    """Groups of AdamW without weight decay on biases and layer norms (vectors), as in Devlin et al. 2019."""
    trained = [value for value in parameters if value.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [value for value in trained if value.ndim > 1], "weight_decay": weight_decay},
        {"params": [value for value in trained if value.ndim <= 1], "weight_decay": 0.0},
    ]
    return [group | {"lr": learning_rate} for group in groups if group["params"]]


def warmup_and_decay(steps: int, warmup: float) -> Callable[[int], float]:
    """Return the factor of the learning rate: it rises over the first ``warmup`` share of the steps, then falls to 0.

    Both are linear.
    """
    rise = max(1, round(steps * warmup))
    return lambda step: min((step + 1) / rise, max(0.0, (steps - step) / max(1, steps - rise)))
