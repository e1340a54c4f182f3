"""Win rates, plain and at equal length."""

from __future__ import annotations

import numpy as np
import pytest

from udasa_core import Resamples
from udasa_eval.judges.win_rate import length_controlled_win_rate, length_effect, win_rate, win_rate_metrics


def planted(theta: float, phi: float, items: int = 4000, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Preferences drawn from the model itself, with the model's answers longer by 80 on average."""
    rng = np.random.default_rng(seed)
    baseline = rng.integers(50, 500, items).astype(float)
    lengths = baseline + rng.normal(80, 100, items)
    difference = lengths - baseline
    effect = np.tanh(difference / difference.std(ddof=1))
    preferred = rng.random(items) < 1 / (1 + np.exp(-(theta + phi * effect)))
    return preferred.astype(float), lengths, baseline


def test_ties_count_half_and_nothing_else_counts() -> None:
    assert win_rate(np.array([1.0, 0.5, 0.0, 1.0])) == 0.625
    assert win_rate(np.array([1.0, np.nan, 0.0])) == 0.5
    assert np.isnan(win_rate(np.array([np.nan])))


def test_a_planted_preference_for_length_is_taken_out() -> None:
    """Equally good answers, and a judge that likes the longer one: 0.5 at equal length."""
    preferences, lengths, baseline = planted(theta=0.0, phi=2.0)
    assert win_rate(preferences) > 0.65
    assert length_controlled_win_rate(preferences, lengths, baseline) == pytest.approx(0.5, abs=0.03)
    preferences, lengths, baseline = planted(theta=0.8, phi=-1.0)
    sigmoid = 1 / (1 + np.exp(-0.8))
    assert length_controlled_win_rate(preferences, lengths, baseline) == pytest.approx(sigmoid, abs=0.03)


def test_the_fit_has_no_gradient_left() -> None:
    """θ and φ solve the penalised likelihood's equations; φ is found here by bisection, given LC."""
    preferences, lengths, baseline = planted(theta=0.3, phi=1.0, items=60)
    preferences[:10] = 0.5
    controlled = length_controlled_win_rate(preferences, lengths, baseline)
    effect = length_effect(lengths, baseline)
    assert effect is not None
    theta = np.log(controlled / (1 - controlled))

    def slope(phi: float) -> float:
        p = 1 / (1 + np.exp(-(theta + phi * effect)))
        return float(((preferences - p) * effect).sum() - 0.1 * phi)

    low, high = -20.0, 20.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    p = 1 / (1 + np.exp(-(theta + low * effect)))
    assert abs(float((preferences - p).sum())) < 1e-6


def test_swapping_the_models_gives_the_rest() -> None:
    preferences, lengths, baseline = planted(theta=0.5, phi=1.5, items=80)
    one = length_controlled_win_rate(preferences, lengths, baseline)
    other = length_controlled_win_rate(1 - preferences, baseline, lengths)
    assert one + other == pytest.approx(1.0, abs=1e-9)


def test_equal_lengths_leave_the_win_rate_as_it_is() -> None:
    preferences = np.array([1.0, 1.0, 0.5, 0.0, 1.0])
    lengths = np.array([3.0, 5.0, 9.0, 1.0, 2.0])
    assert length_controlled_win_rate(preferences, lengths, lengths) == pytest.approx(0.7, abs=1e-12)


def test_what_cannot_be_told_is_not() -> None:
    preferences, lengths = np.array([1.0, 0.0, 1.0]), np.array([3.0, 5.0, 9.0])
    # Always ten longer: length and quality are one.
    assert np.isnan(length_controlled_win_rate(preferences, lengths + 10, lengths))
    assert np.isnan(length_controlled_win_rate(np.full(3, np.nan), lengths, lengths))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_clean_sweep_is_one_at_any_length(value: float) -> None:
    lengths = np.array([3.0, 5.0, 9.0])
    assert length_controlled_win_rate(np.full(3, value), lengths, np.ones(3)) == value


def test_wins_that_length_parts_wholly_have_a_finite_fit() -> None:
    """The longer answer wins every time: without a prior, φ would have no bound."""
    lengths = np.array([10.0, 20.0, 30.0, 40.0])
    preferences = np.array([0.0, 0.0, 1.0, 1.0])
    assert length_controlled_win_rate(preferences, lengths, np.full(4, 25.0)) == pytest.approx(0.5, abs=1e-9)


def test_metrics_hold_their_values() -> None:
    preferences, lengths, baseline = planted(theta=0.2, phi=1.0, items=120)
    preferences[:20] = 0.5
    preferences[20:24] = np.nan
    resamples = Resamples.draw(120, seed=1)
    metrics = {one.name: one for one in win_rate_metrics(preferences, lengths, baseline, resamples)}
    assert set(metrics) == {"win_rate", "wins", "ties", "losses", "length_controlled_win_rate"}
    assert metrics["win_rate"].value == pytest.approx(win_rate(preferences))
    assert metrics["wins"].value + metrics["ties"].value + metrics["losses"].value == pytest.approx(1.0)
    assert metrics["ties"].value == pytest.approx(20 / 116)
    controlled = metrics["length_controlled_win_rate"]
    assert controlled.value == pytest.approx(length_controlled_win_rate(preferences, lengths, baseline))
    assert controlled.low < controlled.value < controlled.high
    assert controlled.n == 116
    assert win_rate_metrics(np.full(3, np.nan), np.ones(3), np.ones(3), Resamples.draw(3, 0)) == []
