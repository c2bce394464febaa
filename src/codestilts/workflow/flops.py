"""Floating-point operations of training and prediction jobs, from their settings. Standard library only.

Training costs three times a forward pass: six FLOPs a token and parameter (Kaplan et al. 2020, arXiv 2001.08361,
section 2.1). Adapters save the gradients of the weights, a third of that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from codestilts.config.training_settings import DoseSettings, RetrievalSettings, TaskSettings, TrainingSettings
from codestilts.config.transferability_settings import TransferabilitySettings
from codestilts.workflow.architectures import Architecture
from codestilts.workflow.task_sizes import TaskSize

TOKENS_PER_BATCH = 4096  # of predictions; outputs of a batch are searched together
MASKED = 0.15  # share of tokens that masked language modelling predicts (Devlin et al. 2019, arXiv 1810.04805)


@dataclass(frozen=True)
class Flops:
    """FLOPs of training steps, and of the forward passes of evaluations and predictions."""

    training: float = 0.0
    forward: float = 0.0
    steps: float = 0.0  # tokens of searched outputs that wait for each other, one after the other; no FLOPs

    @property
    def total(self) -> float:
        """Both together."""
        return self.training + self.forward

    def __add__(self, other: "Flops") -> "Flops":
        return Flops(self.training + other.training, self.forward + other.forward, self.steps + other.steps)

    def __mul__(self, factor: float) -> "Flops":
        return Flops(self.training * factor, self.forward * factor, self.steps * factor)


def training_flops(
    encoder: Architecture,
    settings: TrainingSettings,
    sizes: Mapping[str, TaskSize],
    tokens: float | None = None,
    trial: bool = False,
) -> Flops:
    """FLOPs of training one seed and of its evaluations.

    Args:
        encoder: The architecture.
        settings: The settings of the job.
        sizes: The sizes of the tasks, by name.
        tokens: The tokens that the run trained on, where they are known.
        trial: Whether this is a learning-rate trial, which evaluates dev rows only. A training predicts the test rows
            of its target at every evaluation, and its dev rows once more if a checkpoint is selected by them.
    """
    tasks = {name: sizes[name] for name in settings.tasks}
    per_token = {name: _forward_flops(encoder, task, sizes[name]) for name, task in settings.tasks.items()}
    weights = {name: settings.task_weight(max(size.train, 1), size.example_tokens) for name, size in tasks.items()}
    tokens = training_tokens(settings, tasks) if tokens is None else tokens
    passes = 2 if settings.lora else 3
    mixed = sum(weights[name] / sum(weights.values()) * per_token[name] for name in tasks)
    forward = steps = 0.0
    for name, size in tasks.items():
        if settings.phase == "target" and not trial:
            rows = size.test + size.dev * (1 if settings.selection == ("last",) else 2)
        else:
            rows = 0 if settings.tasks[name].type == "mlm" else size.dev
        forward += rows * size.example_tokens * per_token[name]
        steps += rows * size.example_tokens / TOKENS_PER_BATCH * size.output_tokens
    return Flops(passes * tokens * mixed, forward * settings.evaluations, steps * settings.evaluations)


def _forward_flops(encoder: Architecture, task: TaskSettings, size: TaskSize) -> float:
    """FLOPs of a forward pass per token of a task's examples, those of its outputs included.

    Steps of a search are counted like a forward pass over the whole output, without the time that they wait for each
    other.
    """
    if task.type != "generation":
        return encoder.forward_flops(size.sequence_tokens, MASKED if task.type == "mlm" else 0.0)
    written = size.output_tokens / size.example_tokens
    read_only = encoder.forward_flops(size.sequence_tokens, written) - written * encoder.forward_flops(
        size.sequence_tokens
    )
    return read_only + written * encoder.decoder_flops(task.options.decoder_layers)  # the encoder reads no output


def dose_flops(encoder: Architecture, settings: DoseSettings, sizes: Mapping[str, TaskSize]) -> Flops:
    """FLOPs of all trials of an arm's intermediate learning rate; held-out texts are too few to count."""
    one = training_flops(encoder, settings.intermediate, sizes) if settings.intermediate else Flops()
    for target in settings.targets.values():
        one += training_flops(encoder, target, sizes, trial=not settings.tests)
    return one * len(settings.learning_rates)


def training_tokens(settings: TrainingSettings, sizes: Mapping[str, TaskSize]) -> float:
    """Tokens that one seed trains on: steps times tokens of a step, or epochs times tokens of the examples."""
    if not settings.epochs:
        return float(settings.steps * settings.tokens_per_step)
    examples = sum(min(size.train, settings.cap) * size.example_tokens for size in sizes.values())
    return float(settings.epochs * examples)


def retrieval_flops(encoder: Architecture, settings: RetrievalSettings, sizes: Mapping[str, TaskSize]) -> Flops:
    """FLOPs of frozen retrieval with one seed: all untrained targets; one pass yields every layer of the sweep."""
    total = 0.0
    for name, task in settings.tasks.items():
        size = sizes[name]
        rows = size.test + (size.dev if task.options.protocol == "mining" else 0)  # dev rows set mining's threshold
        total += rows * size.example_tokens * encoder.forward_flops(size.sequence_tokens)
    return Flops(forward=total)


def transferability_flops(
    encoder: Architecture, settings: TransferabilitySettings, sizes: Mapping[str, TaskSize]
) -> Flops:
    """FLOPs of measuring transferability: the task is read by one encoder, targets by two."""
    total = 0.0
    for name in settings.tasks:
        size = sizes[name]
        tokens = min(settings.examples, size.train) * size.example_tokens
        total += (1 if name == settings.task else 2) * tokens * encoder.forward_flops(size.sequence_tokens)
    return Flops(forward=total)
