"""Prepare the next item while the current one is used."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetch(Generic[T]):
    """Items ``1 .. last`` made by a function in a thread of its own, one ahead of the one asked for."""

    def __init__(self, make: Callable[[int], T], last: int) -> None:
        self.make, self.last = make, last
        self.thread = ThreadPoolExecutor(1)
        self.ahead: dict[int, Future[T]] = {}

    def get(self, number: int) -> T:
        """Return an item, and start to make the one after it; raise what making it raised."""
        item = self.ahead.pop(number, None) or self.thread.submit(self.make, number)
        result = item.result()
        if number < self.last:
            self.ahead[number + 1] = self.thread.submit(self.make, number + 1)
        return result

    def close(self) -> None:
        """Drop what was made ahead."""
        self.thread.shutdown(wait=True, cancel_futures=True)
