"""Intervals over seeds and questions: they cover what they say, and verdicts follow from them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Metric
from udasa_eval.statistics.two_way import TwoWay, two_way


def planted(
    rng: np.random.Generator, mean: float, seeds: int, questions: int, by_seed: float, by_question: float
) -> NDArray[float64]:
    """A difference with an effect of the seed, of the question, and noise of its own."""
    values: NDArray[float64] = (
        mean
        + by_seed * rng.standard_normal((seeds, 1))
        + by_question * rng.standard_normal((1, questions))
        + 0.3 * rng.standard_normal((seeds, questions))
    )
    return values


@pytest.mark.parametrize(("by_seed", "by_question"), [(0.02, 0.1), (0.0, 0.3), (0.05, 0.0)])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(by_seed: float, by_question: float) -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for number in range(100):
        found = two_way("d", planted(rng, 0.02, 8, 60, by_seed, by_question), number, resamples=400).metric
        covered += found.low <= 0.02 <= found.high
    assert covered >= 89


def test_one_resample_by_hand() -> None:
    """Of two equal seeds and one question there is nothing to draw: the interval has no width."""
    found = two_way("d", np.array([[0.25], [0.25]]), 1)
    assert found.metric == Metric("d", 0.25, 0.25, 0.25, 1, 0.0)
    assert found.p == pytest.approx(2 / 10_001)
    assert found.spread == 0.0


def test_seeds_that_disagree_widen_the_interval() -> None:
    rng = np.random.default_rng(5)
    noise = rng.standard_normal((8, 200)) * 0.1
    alike = two_way("d", noise, 1).metric
    apart = two_way("d", noise + np.linspace(-0.1, 0.1, 8)[:, None], 1).metric
    assert apart.high - apart.low > 4 * (alike.high - alike.low)
    alone = two_way("d", noise[:1], 1)
    assert np.isnan(alone.spread)
    assert alone.metric.low < alone.metric.value < alone.metric.high


def test_nothing_planted_is_seldom_found() -> None:
    rng = np.random.default_rng(9)
    ps = [two_way("d", planted(rng, 0.0, 8, 60, 0.01, 0.1), number, resamples=400).p for number in range(100)]
    assert sum(p < 0.05 for p in ps) <= 11


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.001, 0.02, "helps"),
        (0.001, 0.005, "helps"),
        (-0.03, -0.001, "harms"),
        (-0.01, 0.01, "equivalent"),
        (-0.004, 0.0, "equivalent"),
        (-0.011, 0.002, "undecided"),
        (-0.001, 0.0101, "undecided"),
        (0.0, 0.02, "undecided"),
    ],
)
def test_verdicts_follow_from_the_interval(low: float, high: float, verdict: str) -> None:
    assert TwoWay(Metric("d", (low + high) / 2, low, high, 10), 0.5, 0.0).verdict == verdict
