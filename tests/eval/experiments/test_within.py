"""Within-question AUROC and rank correlation against a count by hand and by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udasa_eval.experiments.within import rank_biserial, within_auroc, within_spearman

NAN = np.nan


def brute_auroc(u: list[float], right: list[bool]) -> float:
    wins = [
        1.0 if u[j] > u[i] else 0.5 if u[j] == u[i] else 0.0
        for i in range(len(u))
        for j in range(len(u))
        if right[i] and not right[j] and not np.isnan(u[i]) and not np.isnan(u[j])
    ]
    return sum(wins) / len(wins) if wins else NAN


def test_by_hand() -> None:
    u = np.array([[0.1, 0.5], [0.9, 0.5], [0.2, NAN], [0.3, 0.1], [0.3, 0.2]])
    right = np.array([True, False, False, True, True])
    auroc, pairs = within_auroc(u, right, [np.array([0, 1, 2]), np.array([3, 4])])
    assert auroc[0] == pytest.approx([1.0, 0.5])
    assert np.isnan(auroc[1]).all()  # no wrong response there
    assert pairs.tolist() == [[2, 1], [0, 0]]


scores = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.just(NAN))


@given(st.lists(st.tuples(scores, st.booleans()), min_size=1, max_size=9))
@settings(max_examples=200, deadline=None)
def test_auroc_is_a_count_of_pairs(responses: list[tuple[float, bool]]) -> None:
    u, right = [one for one, _ in responses], [is_right for _, is_right in responses]
    auroc, _ = within_auroc(np.array(u)[:, None], np.array(right), [np.arange(len(u))])
    assert auroc[0, 0] == pytest.approx(brute_auroc(u, right), nan_ok=True)


@given(st.permutations(range(8)), st.integers(0, 2**31))
@settings(max_examples=50, deadline=None)
def test_the_order_of_responses_is_nothing(order: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    u, right, other = rng.random((8, 3)).round(1), rng.random(8) < 0.5, rng.random((8, 1))
    rows = [np.arange(8)]
    assert within_auroc(u[order], right[order], rows)[0] == pytest.approx(
        within_auroc(u, right, rows)[0], nan_ok=True
    )
    assert within_spearman(u[order], other[order], rows) == pytest.approx(
        within_spearman(u, other, rows), nan_ok=True
    )


def test_only_comparable_pairs_count_when_attributes_are_given() -> None:
    u = np.array([0.1, 0.9, 0.8, 0.05, 0.0])[:, None]
    right = np.array([True, False, False, False, False])
    attributes = np.array(
        [[10, 0], [12, 0], [13, 0], [10, 1], [8, 0]]
    )  # 12 is within 20% of 10; 13 and 8 are not
    auroc, pairs = within_auroc(u, right, [np.arange(5)], attributes)
    assert auroc[0, 0] == 1.0
    assert pairs[0, 0] == 1


def test_spearman_by_hand() -> None:
    # Ranks 1 2 3 4 and 1 3 2 4: ρ = 1 − 6·2 / (4·15) = .8.
    left, right = (
        np.array([[0.1], [0.2], [0.3], [0.4]]),
        np.array([[1.0, 4.0], [3.0, 4.0], [2.0, 4.0], [9.0, 4.0]]),
    )
    rho = within_spearman(left, right, [np.arange(4)])
    assert rho[0, 0, 0] == pytest.approx(0.8)
    assert np.isnan(rho[0, 0, 1])  # a constant has no ranks to follow


def test_spearman_goes_over_the_responses_that_both_columns_scored() -> None:
    left = np.array([[0.1, 0.4], [NAN, 0.3], [0.3, 0.2], [0.4, NAN]])
    right = np.array([[1.0], [100.0], [2.0], [3.0]])
    rho = within_spearman(left, right, [np.arange(4)])
    assert rho[0, :, 0] == pytest.approx([1.0, -0.5])


def test_a_flag_that_decides_everything_lifts_fully_however_rare() -> None:
    u = np.array([0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.91, 0.92])[:, None]
    flag = np.array([True] + [False] * 7)
    rows = [np.arange(8)]
    assert rank_biserial(u, flag, rows)[0, 0] == -1.0
    assert -0.6 < within_spearman(u, flag[:, None].astype(float), rows)[0, 0, 0] < -0.5
