"""Items are made one ahead, in order, and errors reach whoever asks for the item."""

import threading

import pytest

from codestilts.training.prefetch import Prefetch


def test_the_next_item_is_made_while_the_current_one_is_used() -> None:
    made = [threading.Event() for _ in range(5)]

    def make(number: int) -> int:
        made[number].set()
        return number * 10

    items = Prefetch(make, last=3)
    assert items.get(1) == 10
    assert made[2].wait(10), "nobody has asked for the second item yet"
    assert [items.get(2), items.get(3)] == [20, 30]
    items.close()
    assert not made[4].is_set(), "there is no fourth item"


def test_an_error_is_raised_where_its_item_is_asked_for() -> None:
    def make(number: int) -> int:
        if number == 2:
            raise ValueError("second")
        return number

    items = Prefetch(make, last=3)
    assert items.get(1) == 1
    with pytest.raises(ValueError, match="second"):
        items.get(2)
    items.close()


def test_a_resumed_run_begins_anywhere() -> None:
    items = Prefetch(lambda number: number, last=9)
    assert [items.get(7), items.get(8), items.get(9)] == [7, 8, 9]
    items.close()
