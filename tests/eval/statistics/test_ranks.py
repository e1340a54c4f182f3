"""Ranks by hand."""

from __future__ import annotations

import numpy as np
import pytest

from udasa_core import Resamples
from udasa_eval.statistics.ranks import correlations, mid_ranks, rank_agreement


def test_equals_share_their_mean_rank() -> None:
    values = np.array([[3.0, 1.0], [1.0, 1.0], [3.0, 1.0], [2.0, 0.0]])
    assert mid_ranks(values).T.tolist() == [[3.5, 1.0, 3.5, 2.0], [3.0, 3.0, 3.0, 1.0]]


def test_each_left_column_meets_each_right_one() -> None:
    left = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    right = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]])
    found = correlations(left, right)
    assert found[0].tolist() == pytest.approx([1.0, -1.0])
    assert np.isnan(found[1]).all()  # a constant has no correlation


def test_agreement_of_repeats_is_the_mean_of_spearmans_rho() -> None:
    from scipy.stats import spearmanr

    values = np.random.default_rng(0).integers(0, 6, size=(40, 3)).astype(float)
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = np.mean([spearmanr(values[:, one], values[:, other]).statistic for one, other in pairs])
    metric = rank_agreement("rank", values, Resamples.draw(40, 1))
    assert metric.value == pytest.approx(expected)
    assert metric.low < metric.value < metric.high
