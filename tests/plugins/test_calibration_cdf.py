from __future__ import annotations

import json
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plugins.groups import RESOURCES
from udasa_plugin_calibration.cdf import EmpiricalCDF

CDF = EmpiricalCDF(EmpiricalCDF.Options(), "cdf", RESOURCES)
unit = st.floats(0.0, 1.0)


def test_mid_ranks_by_hand() -> None:
    state = CDF.udasa_fit(np.array([0.4, 0.1, 0.4, 0.2]))
    assert state == {"values": [0.1, 0.2, 0.4], "ranks": [0.125, 0.375, 0.75]}
    calibrated = CDF.udasa_calibrate(np.array([0.0, 0.1, 0.15, 0.2, 0.3, 0.4, 0.9]), state)
    assert calibrated == pytest.approx([0.125, 0.125, 0.25, 0.375, 0.5625, 0.75, 0.75])


def test_a_constant_column_is_one_half_everywhere() -> None:
    state = CDF.udasa_fit(np.full(9, 0.3))
    assert CDF.udasa_calibrate(np.array([0.0, 0.3, 1.0]), state).tolist() == [0.5, 0.5, 0.5]


def test_fitted_on_nothing_it_is_the_identity() -> None:
    raw = np.array([0.0, 0.25, 1.0])
    assert CDF.udasa_calibrate(raw, CDF.udasa_fit(np.array([]))).tolist() == raw.tolist()


@given(st.lists(unit, min_size=1, max_size=60), st.lists(unit, min_size=2, max_size=60))
def test_bounded_monotone_and_fair(fitted: list[float], asked: list[float]) -> None:
    state = CDF.udasa_fit(np.array(fitted))
    calibrated = CDF.udasa_calibrate(np.sort(asked), state)
    assert (np.diff(calibrated) >= 0.0).all()
    assert calibrated.min() >= 0.0
    assert calibrated.max() <= 1.0
    # mid-ranks have mean ½ over what they were fitted on
    assert CDF.udasa_calibrate(np.array(fitted), state).mean() == pytest.approx(0.5)


def test_two_million_scores_keep_a_small_state_and_stay_exact_to_a_knot() -> None:
    generator = np.random.default_rng(1)
    # Half the mass is one tie in the middle of the range: where even knots alone would go wrong.
    raw = np.concatenate([generator.beta(2.0, 9.0, 1_000_000), np.full(1_000_000, 0.6)])
    start = time.perf_counter()
    state = CDF.udasa_fit(raw)
    calibrated = CDF.udasa_calibrate(raw, state)
    assert time.perf_counter() - start < 10.0
    assert len(state["values"]) <= 4096
    assert len(json.dumps(dict(state))) < 200_000
    values, inverse, counts = np.unique(raw, return_inverse=True, return_counts=True)
    exact = ((np.cumsum(counts) - 0.5 * counts) / len(raw))[inverse]
    assert len(values) > 900_000
    assert np.abs(calibrated - exact).max() <= 1 / 2047


def test_exact_up_to_4096_distinct_values() -> None:
    raw = np.random.default_rng(2).permutation(np.linspace(0.0, 1.0, 4096))
    calibrated = CDF.udasa_calibrate(raw, CDF.udasa_fit(raw))
    assert np.sort(calibrated) == pytest.approx((np.arange(4096) + 0.5) / 4096, abs=1e-12)
