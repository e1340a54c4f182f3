"""What is remembered is right, made once, and bounded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from udasa_core.resources.remembered import Remembered


class Squares:
    """Reads numbers as (n, n²), and remembers what it was asked."""

    def __init__(self, most: int = 4) -> None:
        self.asked: list[list[int]] = []
        self.remembered: Remembered[int] = Remembered(self._read, most)

    def rows(self, keys: Sequence[int]) -> list[list[float]]:
        found: list[list[float]] = self.remembered.rows(keys).tolist()
        return found

    def _read(self, keys: Sequence[int]) -> np.ndarray:
        self.asked.append(list(keys))
        return np.array([[key, key**2] for key in keys], dtype=np.float64).reshape(-1, 2)


def test_equal_keys_are_read_once_in_order_and_known_ones_never() -> None:
    squares = Squares()
    assert squares.rows([3, 1, 3]) == [[3, 9], [1, 1], [3, 9]]
    assert squares.rows([1, 2, 3]) == [[1, 1], [2, 4], [3, 9]]
    assert squares.asked == [[3, 1], [2]]
    squares.remembered.forget()
    squares.rows([3])
    assert squares.asked == [[3, 1], [2], [3]]


def test_the_least_recently_asked_is_forgotten() -> None:
    squares = Squares()
    squares.rows([1, 2, 3, 4])
    squares.rows([1])
    squares.rows([5])  # 2 goes: 1 was asked for again
    squares.asked.clear()
    squares.rows([1, 3, 4, 5])
    assert squares.asked == []
    squares.rows([2])
    assert squares.asked == [[2]]


def test_a_call_for_more_than_fits_is_answered_whole() -> None:
    squares = Squares()
    keys = list(range(20))
    assert squares.rows(keys) == [[key, key**2] for key in keys]
    squares.asked.clear()
    # Known and unknown, more than fits, some twice.
    mixed = [*keys[15:], *range(20, 30), 19, 20]
    assert squares.rows(mixed) == [[key, key**2] for key in mixed]
    assert squares.asked == [list(range(20, 30))]
    # All of them are kept for whoever asks the same next, and no more than that.
    squares.asked.clear()
    squares.rows(mixed)
    assert squares.asked == []
    assert len(squares.remembered._rows) == len(set(mixed))
    squares.rows([19, 20])
    assert len(squares.remembered._rows) == 4


def test_no_key_has_the_shape_of_no_row() -> None:
    assert Squares().remembered.rows([]).shape == (0, 2)


@given(st.lists(st.lists(st.integers(0, 12), max_size=12), max_size=12), st.integers(1, 8))
def test_whatever_is_asked_in_whatever_order_is_right_and_bounded(calls: list[list[int]], most: int) -> None:
    squares = Squares(most)
    for keys in calls:
        assert squares.rows(keys) == [[key, key**2] for key in keys]
        assert not keys or len(squares.remembered._rows) <= max(most, len(set(keys)))
        assert all(len(set(asked)) == len(asked) for asked in squares.asked)


def test_a_row_is_a_copy_of_its_own() -> None:
    squares = Squares()
    squares.remembered.rows([2, 3])[0, 1] = -1
    assert squares.rows([2]) == [[2, 4]]
    # A view would keep all that was read with it, however much is forgotten.
    assert all(row.base is None for row in squares.remembered._rows.values())
