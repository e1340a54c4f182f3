"""Bootstrap intervals: against theory, by hand, and what a seed fixes."""

from __future__ import annotations

import numpy as np
import pytest

from udasa_core import Resamples
from udasa_core.statistics.resampling import mean_interval


def test_the_interval_of_a_mean_is_that_of_theory() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, size=400)
    half = 1.96 * values.std(ddof=1) / 20
    low, high = mean_interval(values, seed=7)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.05)
    metric = Resamples.draw(400, 7).mean("mean", values)
    assert (metric.low, metric.high) == pytest.approx((low, high), abs=0.05)
    assert metric.error == pytest.approx(values.std(ddof=1) / 20, rel=0.1)
    assert (metric.value, metric.n) == (pytest.approx(values.mean()), 400)


def test_a_seed_fixes_it() -> None:
    values = np.arange(10.0)
    assert mean_interval(values, 3) == mean_interval(values, 3) != mean_interval(values, 4)
    assert (Resamples.draw(10, 3).counts == Resamples.draw(10, 3).counts).all()
    assert (Resamples.draw(10, 3).counts.sum(axis=1) == 10).all()


def test_equal_values_have_no_width() -> None:
    assert mean_interval(np.full(5, 0.25), 1) == (0.25, 0.25)


def test_a_ratio_counts_what_is_under_the_line_and_leaves_out_nan() -> None:
    resamples = Resamples.draw(3, 1)
    ratio = resamples.ratio("accuracy", np.array([1, 0, 0]), np.array([2, 2, 0]))
    assert (ratio.value, ratio.n) == (0.25, 2)
    mean = resamples.mean("score", np.array([1.0, np.nan, 0.0]))
    assert (mean.value, mean.n) == (0.5, 2)
    nothing = resamples.mean("score", np.full(3, np.nan))
    assert nothing.n == 0
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()


def test_nothing_to_resample() -> None:
    assert Resamples.draw(0, 1).counts.shape == (2000, 0)
