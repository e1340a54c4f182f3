"""Pooled measures against brute force, and bootstrap intervals against resampling by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy import float64
from numpy.typing import NDArray

from tests.eval.experiments.test_within import brute_auroc
from udasa_core import Resamples
from udasa_eval.experiments.pooled import pooled

Floats = NDArray[float64]


def prr_without_ties(u: Floats, right: Floats) -> float:
    """The published curve: mean share of right ones among the k least uncertain, all k."""

    def area(ordered: Floats) -> float:
        return float(np.mean(np.cumsum(ordered) / np.arange(1, len(ordered) + 1)))

    chance = float(right.mean())
    return (area(right[np.argsort(u)]) - chance) / (area(np.sort(right)[::-1]) - chance)


def prr_over_orders(u: Floats, right: Floats, seed: int = 0) -> float:
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(4000):
        order = rng.permutation(len(u))
        stable = order[np.argsort(u[order], kind="stable")]
        ordered = right[stable]
        drawn.append(float(np.mean(np.cumsum(ordered) / np.arange(1, len(ordered) + 1))))
    chance = float(right.mean())
    oracle = float(np.mean(np.cumsum(np.sort(right)[::-1]) / np.arange(1, len(right) + 1)))
    return (float(np.mean(drawn)) - chance) / (oracle - chance)


def ece(u: Floats, right: Floats) -> float:
    order = np.argsort(u)
    parts = np.array_split(order, 10)
    return float(sum(abs((right[part] - (1 - u[part])).sum()) for part in parts) / len(u))


@pytest.mark.parametrize("seed", range(3))
def test_values_are_their_definitions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    questions = np.repeat(np.arange(20), 5)
    right = rng.random(100) < 0.4
    u = np.clip(0.5 + 0.2 * rng.normal(size=100) - 0.1 * right, 0, 1)
    auroc, prr, calibration = pooled(u, right, questions, Resamples.draw(20, 0, 50))
    assert auroc.value == pytest.approx(brute_auroc(list(u), list(right)))
    assert prr.value == pytest.approx(prr_without_ties(u, right.astype(float)))
    assert calibration.value == pytest.approx(ece(u, right.astype(float)))
    assert auroc.n == prr.n == calibration.n == 100


def test_equals_are_taken_in_random_order_in_expectation() -> None:
    rng = np.random.default_rng(3)
    right = rng.random(30) < 0.5
    u = (0.5 + 0.3 * rng.normal(size=30) - 0.2 * right).clip(0, 1).round(1)
    auroc, prr, _ = pooled(u, right, np.arange(30), Resamples.draw(30, 0, 10))
    assert auroc.value == pytest.approx(brute_auroc(list(u), list(right)))
    assert prr.value == pytest.approx(prr_over_orders(u, right.astype(float)), abs=0.01)


def test_a_constant_is_worth_nothing_and_an_oracle_everything() -> None:
    right = np.array([True, False, True, False, False])
    questions = np.arange(5)
    auroc, prr, _ = pooled(np.full(5, 0.3), right, questions, Resamples.draw(5, 0, 10))
    assert (auroc.value, prr.value) == pytest.approx((0.5, 0.0))
    auroc, prr, calibration = pooled((~right).astype(float), right, questions, Resamples.draw(5, 0, 10))
    assert (auroc.value, prr.value, calibration.value) == pytest.approx((1.0, 1.0, 0.0))


def test_abstentions_are_left_out_and_one_kind_alone_has_no_figure() -> None:
    u = np.array([0.1, np.nan, 0.9, 0.2])
    auroc, _, _ = pooled(u, np.array([True, False, False, True]), np.arange(4), Resamples.draw(4, 0, 10))
    assert (auroc.value, auroc.n) == (1.0, 3)
    auroc, prr, _ = pooled(u, np.ones(4, bool), np.arange(4), Resamples.draw(4, 0, 10))
    assert np.isnan([auroc.value, auroc.low, prr.value, prr.high]).all()
    assert pooled(np.full(4, np.nan), np.ones(4, bool), np.arange(4), Resamples.draw(4, 0, 10))[0].n == 0


def test_a_resample_repeats_whole_questions() -> None:
    rng = np.random.default_rng(5)
    questions = np.repeat(np.arange(12), 4)
    right = rng.random(48) < 0.5
    u = rng.random(48).round(1)
    resamples = Resamples.draw(12, 7, 40)
    auroc, prr, _ = pooled(u, right, questions, resamples)
    by_hand = []
    for counts in resamples.counts:
        rows = np.concatenate(
            [np.tile(np.flatnonzero(questions == one), int(times)) for one, times in enumerate(counts)]
        )
        again = pooled(u[rows], right[rows], np.zeros(len(rows), int), Resamples.draw(1, 0, 2))
        by_hand.append((again[0].value, again[1].value))
    aurocs, prrs = np.array(by_hand).T
    assert (auroc.low, auroc.high) == pytest.approx(tuple(np.percentile(aurocs, [2.5, 97.5])))
    assert (prr.low, prr.high) == pytest.approx(tuple(np.percentile(prrs, [2.5, 97.5])))


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    # Responses of one question rise and fall together: an interval that ignored it would cover far less.
    rng = np.random.default_rng(0)
    covered = []
    for seed in range(200):
        shift = np.repeat(rng.normal(size=60), 4)
        right = np.tile([True, True, False, False], 60)
        u = 1 / (1 + np.exp(-(shift + 0.3 * rng.normal(size=240))))
        auroc, _, _ = pooled(u, right, np.repeat(np.arange(60), 4), Resamples.draw(60, seed, 200))
        covered.append(auroc.low <= 0.5 <= auroc.high)
    assert 0.88 <= np.mean(covered) <= 0.99


def test_the_mean_of_clusters_covers_too() -> None:
    rng = np.random.default_rng(1)
    covered = [
        (found := Resamples.draw(50, seed, 400).mean("m", rng.exponential(size=50))).low <= 1.0 <= found.high
        for seed in range(300)
    ]
    assert 0.88 <= np.mean(covered) <= 0.99


def test_the_same_seed_draws_the_same() -> None:
    assert np.array_equal(Resamples.draw(9, 4).counts, Resamples.draw(9, 4).counts)
    assert (Resamples.draw(9, 4).counts.sum(axis=1) == 9).all()
