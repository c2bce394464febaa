"""Which task each step trains and on which examples, so that every arm reads the same amount of text."""

from collections.abc import Iterator

import numpy as np

from codestilts.seeding import derive_seed

POOL = 16  # batches' worth of features sorted by length together


def plan_batches(lengths: dict[str, list[int]], plan: list[str], tokens_per_step: int, seed: int) -> list[list[int]]:
    """For each step of ``plan`` (a task's name) the indices of that task's features that it trains on.

    A feature is added while that brings the tokens spent so far nearer to ``steps so far x tokens_per_step``: what a
    batch has too much or too little is made up by the next, whatever its task, so a run is off by half a feature
    however long it is. A step has at least one feature. A task's features come without replacement within a pass.
    """
    streams = {
        name: _like_lengths(lengths[name], tokens_per_step, np.random.default_rng(derive_seed(name, seed)))
        for name in set(plan)
    }
    waiting = {name: next(stream) for name, stream in streams.items()}
    spent, batches = 0, []
    for step, name in enumerate(plan, start=1):
        batch: list[int] = []
        while not batch or spent + lengths[name][waiting[name]] / 2 <= step * tokens_per_step:
            batch.append(waiting[name])
            spent += lengths[name][waiting[name]]
            waiting[name] = next(streams[name])
        batches.append(batch)
    return batches


def _like_lengths(lengths: list[int], tokens_per_step: int, rng: np.random.Generator) -> Iterator[int]:
    """Endless indices in random order, but features of like length go together, which keeps padding small.

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
        part = (np.cumsum(tokens) - tokens / 2) * POOL // tokens.sum()
        for number in rng.permutation(POOL):
            yield from (index for index, place in zip(pool, part, strict=True) if place == number)


def _passes(size: int, rng: np.random.Generator) -> Iterator[int]:
    while True:
        yield from rng.permutation(size).tolist()


def task_schedule(sizes: dict[str, int], mean_tokens: dict[str, float], cap: int, steps: int, seed: int) -> list[str]:
    """Which task each step trains: examples-proportional with a cap (Raffel et al. 2020, section 3.5.2).

    A step is a number of tokens and not of examples, so a task's share of the steps is its (capped) number of examples
    times its mean tokens an example. The counts are the shares rounded by largest remainder, in random order.
    """
    names = sorted(sizes)
    share = np.array([min(sizes[name], cap) * mean_tokens[name] for name in names])
    exact = share / share.sum() * steps
    counts = np.floor(exact).astype(int)
    for place in np.argsort(counts - exact, kind="stable")[: steps - counts.sum()]:
        counts[place] += 1
    plan = [name for name, count in zip(names, counts, strict=True) for _ in range(count)]
    return [plan[place] for place in np.random.default_rng(seed).permutation(len(plan))]
