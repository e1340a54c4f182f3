"""Student's intervals: hand-computed, and everything where there is too little."""

from __future__ import annotations

import math

import numpy as np
import pytest

from udasa_core.statistics.student import change_interval, student_interval


def test_the_interval_is_students() -> None:
    values = np.array([0.4, 0.6, 0.5, 0.7, 0.3])
    error = values.std(ddof=1) / 5**0.5
    # t of 4 degrees of freedom at 0.975 is 2.7764.
    told = (0.5 - 2.7764 * error, 0.5 + 2.7764 * error)
    assert student_interval(values, 5) == pytest.approx(told, abs=1e-3)
    # Four prompts that agree to the last digit prove nothing.
    assert student_interval(np.full(4, 0.9), 5) == (-math.inf, math.inf)
    assert student_interval(np.full(12, 0.9), 5) == (0.9, 0.9)


def test_where_all_agree_three_in_n_may_not() -> None:
    assert student_interval(np.zeros(12), 5, unit=1.0) == (-0.25, 0.25)
    # Values that differ tell by themselves.
    values = np.array([0.0] * 11 + [1.0])
    assert student_interval(values, 5, unit=1.0) == student_interval(values, 5)


def test_a_change_of_shares_is_known_to_be_one() -> None:
    shares, lengths = np.full(12, 0.5), np.full(12, 40.0)
    assert change_interval(shares, shares, 5) == (-0.25, 0.25)
    assert change_interval(lengths, lengths, 5) == (0.0, 0.0)
    assert change_interval(shares, np.array([0.5] * 11 + [1.0]), 5) == student_interval(
        np.array([0.0] * 11 + [0.5]), 5
    )
