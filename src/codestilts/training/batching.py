"""Plan which task each step trains, and on which examples, so that every arm reads the same amount of text."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from codestilts.config.training_settings import TrainingSettings
from codestilts.seeding import derive_seed

POOL = 16  # batches' worth of features sorted by length together: random over epochs, yet with little padding


@dataclass(frozen=True)
class PlannedStep:
    """A step's task and the indices of its features."""

    task: str
    indices: list[int]


def plan_steps(tokens: Mapping[str, np.ndarray], settings: TrainingSettings, seed: int) -> list[PlannedStep]:
    """Plan all steps of a run from the tokens of each task's features.

    A step is a number of tokens. With ``epochs`` (a published recipe) it is a number of examples, and there are as many
    steps as the epochs take.
    """
    lengths = {name: tokens[name].tolist() for name in sorted(tokens)}
    sizes = {name: len(values) for name, values in lengths.items()}
    steps, step_size = settings.steps, settings.tokens_per_step
    if settings.epochs:
        lengths = {name: [1] * size for name, size in sizes.items()}
        step_size = settings.batch_size
        epoch = sum(min(size, settings.cap) for size in sizes.values())
        steps = max(1, math.ceil(settings.epochs * epoch / step_size))
    weights = {name: settings.task_weight(sizes[name], float(np.mean(values))) for name, values in lengths.items()}
    tasks = task_schedule(weights, steps, seed)
    batches = plan_batches(lengths, tasks, step_size, seed)
    return [PlannedStep(task, batch) for task, batch in zip(tasks, batches, strict=True)]


def plan_batches(lengths: dict[str, list[int]], tasks: list[str], tokens_per_step: int, seed: int) -> list[list[int]]:
    """Choose the features of each step.

    A feature is added while that brings the tokens spent so far closer to ``steps so far x tokens_per_step``. Each
    batch, of any task, compensates for the surplus or deficit of the ones before it, so that a run of any length
    deviates by at most half a feature. A step has at least one feature. Within a pass, features are drawn without
    replacement.

    Args:
        lengths: the tokens of each task's features.
        tasks: the task of each step.
        tokens_per_step: the tokens of a step.
        seed: of the random order.

    Returns:
        For each step the indices of its task's features.
    """
    streams = {
        name: _similar_lengths(lengths[name], tokens_per_step, np.random.default_rng(derive_seed(name, seed)))
        for name in set(tasks)
    }
    waiting = {name: next(stream) for name, stream in streams.items()}
    spent, batches = 0, []
    for step, name in enumerate(tasks, start=1):
        batch: list[int] = []
        while not batch or spent + lengths[name][waiting[name]] / 2 <= step * tokens_per_step:
            batch.append(waiting[name])
            spent += lengths[name][waiting[name]]
            waiting[name] = next(streams[name])
        batches.append(batch)
    return batches


def _similar_lengths(lengths: list[int], tokens_per_step: int, rng: np.random.Generator) -> Iterator[int]:
    """Yield indices endlessly in random order, but features of similar length together, which keeps padding small.

    Pools of ``POOL`` batches are sorted by length and cut into batches' worth, and those are put in random order.
    """
    stream = _passes(len(lengths), rng)
    while True:
        pool: list[int] = []
        missing = POOL * tokens_per_step
        while missing > 0:
            pool.append(next(stream))
            missing -= lengths[pool[-1]]
        pool.sort(key=lambda index: lengths[index])
        tokens = np.array([lengths[index] for index in pool])
        parts = (np.cumsum(tokens) - tokens / 2) * POOL // tokens.sum()
        for number in rng.permutation(POOL):
            yield from (index for index, part in zip(pool, parts, strict=True) if part == number)


def _passes(size: int, rng: np.random.Generator) -> Iterator[int]:
    while True:
        yield from rng.permutation(size).tolist()


def task_schedule(weights: Mapping[str, float], steps: int, seed: int) -> list[str]:
    """Choose the task of each step, in random order: shares of the steps are the weights, by largest remainder."""
    names = sorted(weights)
    share = np.array([weights[name] for name in names])
    exact = share / share.sum() * steps
    counts = np.floor(exact).astype(int)
    for index in np.argsort(counts - exact, kind="stable")[: steps - counts.sum()]:
        counts[index] += 1
    tasks = [name for name, count in zip(names, counts, strict=True) for _ in range(count)]
    return [tasks[index] for index in np.random.default_rng(seed).permutation(len(tasks))]
