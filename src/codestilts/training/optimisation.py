"""The optimiser of a run: AdamW with linear warm-up and decay, gradient clipping, loss scaling."""

from collections.abc import Callable
from dataclasses import dataclass

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
    """Set up the optimisation of a model for a run of ``steps``."""
    rate = settings.learning_rate
    if settings.lora:
        rate *= settings.lora.learning_rate_factor
    parameters = model.parameters()
    optimiser = _adamw(parameters, rate, settings.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, warmup_and_decay(steps, settings.warmup))
    return Optimisation(parameters, optimiser, schedule, gradient_scaler(device, settings.precision), settings.clip)


def _adamw(parameters: list[nn.Parameter], learning_rate: float, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW without weight decay on biases and layer norms (vectors), as in Devlin et al. 2019."""
    trained = [value for value in parameters if value.requires_grad]
    groups = [
        {"params": [value for value in trained if value.ndim > 1], "weight_decay": weight_decay},
        {"params": [value for value in trained if value.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=learning_rate, fused=True)


def warmup_and_decay(steps: int, warmup: float) -> Callable[[int], float]:
    """Return the factor of the learning rate: it rises over the first ``warmup`` share of the steps, then falls to 0.

    Both are linear.
    """
    rise = max(1, round(steps * warmup))
    return lambda step: min((step + 1) / rise, max(0.0, (steps - step) / max(1, steps - rise)))
