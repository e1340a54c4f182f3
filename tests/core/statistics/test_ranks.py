"""Rank correlation inside groups: scipy's, on the members that both columns have."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from udasa_core.statistics.ranks import within_spearman


def test_it_is_spearmans_with_ties_and_gaps() -> None:
    random = np.random.default_rng(0)
    values = random.integers(0, 5, size=(20, 3, 7)).astype(np.float64)
    values[random.random(values.shape) < 0.2] = np.nan
    found = within_spearman(values)
    for group, rho in zip(values, found, strict=True):
        for c, left in enumerate(group):
            for d, right in enumerate(group):
                both = ~np.isnan(left) & ~np.isnan(right)
                if len(set(left[both])) < 2 or len(set(right[both])) < 2:
                    assert np.isnan(rho[c, d])
                else:
                    assert rho[c, d] == pytest.approx(spearmanr(left[both], right[both]).statistic)


def test_by_hand() -> None:
    rho = within_spearman(np.array([[[1.0, 2.0, 3.0], [10.0, 30.0, 20.0], [5.0, 5.0, 5.0]]]))
    assert rho[0, 0, 1] == pytest.approx(0.5)
    assert rho[0, 0, 0] == pytest.approx(1.0)
    assert np.isnan(rho[0, 0, 2])
    assert np.isnan(within_spearman(np.full((2, 2, 1), 1.0))).all()
