"""The sign-flip test keeps its level and finds what is there; Holm's correction by hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from udasa_eval.statistics.paired import holm, sign_flip

SEED = 20250723


def enumerated(differences: Sequence[float]) -> float:
    """Return the share of all sign patterns whose mean is as far from 0 as the observed one."""
    signs = np.array(list(product((-1, 1), repeat=len(differences))))
    means = np.abs(signs @ np.array(differences))
    return float(np.mean(means >= abs(sum(differences)) - 1e-12))


@pytest.mark.parametrize(
    "differences",
    [
        [0.5, 0.25, -0.125, 0.75],
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8],
        [1.0, -1.0, 0.5, 0.0, 0.0, 0.25],
        [-0.5, -0.5, -0.5, 0.25, -0.25, 0.125, -1.0],
        [0.3],
    ],
)
def test_p_is_that_of_all_sign_patterns(differences: list[float]) -> None:
    exact = enumerated(differences)
    error = np.sqrt(exact * (1 - exact) / 10_000)
    assert sign_flip(np.array(differences), SEED) == pytest.approx(exact, abs=4 * error + 2e-4)
    assert sign_flip(-np.array(differences), SEED) == sign_flip(np.array(differences), SEED)


def test_p_has_its_ends() -> None:
    assert sign_flip(np.zeros(5), SEED) == 1.0
    assert sign_flip(np.full(40, 0.5), SEED) == 1 / 10_001
    assert 0 < sign_flip(np.full(8, 0.125), SEED) < 0.02


def test_p_keeps_its_level_where_nothing_differs() -> None:
    rng = np.random.default_rng(4)
    ps: NDArray[Any] = np.array([sign_flip(rng.normal(size=25), SEED) for _ in range(120)])
    assert 1 <= np.count_nonzero(ps < 0.05) <= 13  # 6 expected
    assert 0.4 < ps.mean() < 0.6


# --- Holm ------------------------------------------------------------------------------------------------


def test_holm_by_hand() -> None:
    # Sorted .01, .02, .03, .04: 4 · .01, 3 · .02, 2 · .03 (not below the one before), 1 · .04 raised to .06.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []
