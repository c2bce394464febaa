"""Batches of a fixed number of tokens, so that every arm sees the same amount of text a step."""

from collections.abc import Iterator

import numpy as np

POOL = 16  # batches' worth of features sorted by length together


def token_batches(lengths: list[int], tokens_per_step: int, seed: int) -> Iterator[list[int]]:
    """Endless batches (indices of features) of ``tokens_per_step`` tokens, without replacement within a pass.

    A feature is added while that brings the running total nearer to ``steps x tokens_per_step``; what a batch has too
    much or too little is made up by the next, so the total is off by less than one feature however long training is.
    Within a pool of batches, features of like length go together, which keeps padding small; the order of the batches
    in a pool is random. A feature longer than a batch makes a batch of its own.
    """
    rng = np.random.default_rng(seed)
    spent = due = 0
    stream = _passes(len(lengths), rng)
    while True:
        pool: list[int] = []
        missing = POOL * tokens_per_step
        while missing > 0:
            pool.append(next(stream))
            missing -= lengths[pool[-1]]
        pool.sort(key=lambda index: lengths[index])
        batches: list[list[int]] = []
        batch: list[int] = []
        due += tokens_per_step
        for index in pool:
            if batch and spent + lengths[index] / 2 > due:
                batches.append(batch)
                batch = []
                due += tokens_per_step
            batch.append(index)
            spent += lengths[index]
        batches.append(batch)
        for place in rng.permutation(len(batches)):
            yield batches[place]


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
