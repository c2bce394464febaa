"""Schedules of jobs on identical devices. Jobs are numbered so that parents precede their children."""

import heapq
from collections.abc import Iterable, Sequence
from graphlib import TopologicalSorter


def longest_chains(durations: Sequence[float], parents: Sequence[Iterable[int]]) -> list[float]:
    """For each job the duration of the longest chain of jobs that starts with it."""
    longest = list(durations)
    for job in reversed(range(len(durations))):
        for parent in parents[job]:
            longest[parent] = max(longest[parent], durations[parent] + longest[job])
    return longest


def makespan(durations: Sequence[float], parents: Sequence[Iterable[int]], devices: int) -> float:
    """When the last job ends under list scheduling: a free device takes the ready job with the longest chain.

    At most twice the shortest possible time (Graham 1969, SIAM J. Appl. Math. 17, 416-429).
    """
    chains = longest_chains(durations, parents)
    waiting = TopologicalSorter(dict(enumerate(parents)))
    waiting.prepare()
    ready: list[tuple[float, int]] = []
    running: list[tuple[float, int]] = []
    now = 0.0
    while waiting.is_active():
        for job in waiting.get_ready():
            heapq.heappush(ready, (-chains[job], job))
        while ready and len(running) < devices:
            _, job = heapq.heappop(ready)
            heapq.heappush(running, (now + durations[job], job))
        now, done = heapq.heappop(running)
        waiting.done(done)
    return now
