"""Columns that prefer the worse answer are named."""

from __future__ import annotations

import numpy as np
import pytest

from udasa_eval.experiments.direction import directions


def test_three_verdicts_in_the_sets_own_words() -> None:
    rng = np.random.default_rng(0)
    low, high = rng.random(80) * 0.5, 0.4 + rng.random(80) * 0.5
    found = directions(
        "open-ended",
        {"right way": low, "wrong way": high, "neither": rng.random(80), "constant": np.full(80, 0.5)},
        {"right way": high, "wrong way": low, "neither": rng.random(80), "constant": np.full(80, 0.5)},
        names=("good", "generic"),
        seed=0,
    )
    assert [one.verdict for one in found] == [
        "prefers good",
        "prefers generic",
        "no direction",
        "no direction",
    ]
    assert found[3].share.value == 0.5
    assert found[0].share.low > 0.5 > found[1].share.high


def test_equals_count_half_and_abstentions_not_at_all() -> None:
    better, worse = np.array([0.1, 0.5, np.nan, 0.9]), np.array([0.2, 0.5, 0.1, 0.1])
    (one,) = directions("values", {"u": better}, {"u": worse}, seed=0)
    assert one.share.value == pytest.approx(0.5)
    assert one.share.n == 3


def test_columns_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="different columns"):
        directions("values", {"u": np.zeros(2)}, {"v": np.zeros(2)}, seed=0)
    with pytest.raises(ValueError, match="different lengths"):
        directions("values", {"u": np.zeros(2)}, {"u": np.zeros(3)}, seed=0)
