"""Win rates of a model against a baseline, plain and length-controlled."""

from __future__ import annotations

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Metric, Resamples
from udasa_eval.judges.repeats import around

# A weak prior on the length coefficient, N(0, 1/ridge): where the lengths part wins from losses, it has no
# largest likelihood.
_RIDGE = 0.1
_STEPS = 100
_TOLERANCE = 1e-9
# Resamples whose fits are held at once.
_SLICE = 256


def win_rate(preferences: NDArray[float64]) -> float:
    """Return the mean preference, a tie counting half, in [0, 1]; NaN ones are left out.

    preferences: (n,) in [0, 1], 1 where the model beats the baseline. NaN where none is there.
    """
    there = preferences[np.isfinite(preferences)]
    return float(there.mean()) if len(there) else float("nan")


def length_effect(lengths: NDArray[float64], baseline_lengths: NDArray[float64]) -> NDArray[float64] | None:
    """Return tanh(Δ / σ) of the differences of lengths Δ = model − baseline, σ their standard deviation.

    None where σ is 0: a difference that is the same everywhere cannot be told from the model's quality. Where
    all differences are 0 there is nothing to control, and zeros are returned.
    """
    difference = lengths - baseline_lengths
    if not difference.any():
        return np.zeros(len(difference))
    deviation = difference.std(ddof=1) if len(difference) > 1 else 0.0
    if deviation <= 1e-12 * np.abs(difference).max():
        return None
    result: NDArray[float64] = np.tanh(difference / deviation)
    return result


def length_controlled_win_rate(
    preferences: NDArray[float64], lengths: NDArray[float64], baseline_lengths: NDArray[float64]
) -> float:
    """Return the win rate that a logistic regression tells for answers of equal length, in [0, 1].

        P(model preferred)_i = σ(θ + φ · tanh(Δ_i / σ_Δ)),   LC = σ(θ)

    Δ_i: the model's length minus the baseline's on item i, in characters; σ_Δ: the standard deviation of
    the Δ_i. Fitted by maximum likelihood to preferences in [0, 1] (a tie counts half on each side), with a
    weak prior φ ~ N(0, 10). Swapping model and baseline gives 1 − LC. NaN preferences are left out. NaN where
    nothing is left, or where lengths differ by the same everywhere.

    Source: AlpacaEval 2 LC (Dubois et al. 2024, arXiv 2404.04475, equation 1) in its simple form: without
    the difficulties of its own instructions and its weights of gamed baselines, which other prompts lack.
    """
    there = np.isfinite(preferences)
    effect = length_effect(lengths[there], baseline_lengths[there])
    if not there.any() or effect is None:
        return float("nan")
    return float(_controlled(preferences[there], effect, np.ones((1, int(there.sum()))))[0])


def win_rate_metrics(
    preferences: NDArray[float64],
    lengths: NDArray[float64],
    baseline_lengths: NDArray[float64],
    resamples: Resamples,
) -> list[Metric]:
    """Return win_rate, wins, ties, losses, and length_controlled_win_rate where it can be told.

    All are (Q,), one item a cluster. A win is a preference above 0.5, a loss one below it.
    """
    there = np.isfinite(preferences)
    if not there.any():
        return []

    def share(name: str, are: NDArray[np.bool_]) -> Metric:
        return resamples.mean(name, np.where(there, are.astype(float64), np.nan))

    metrics = [
        resamples.mean("win_rate", preferences),
        share("wins", preferences > 0.5),
        share("ties", preferences == 0.5),
        share("losses", preferences < 0.5),
    ]
    effect = length_effect(lengths[there], baseline_lengths[there])
    if effect is not None:
        value = length_controlled_win_rate(preferences, lengths, baseline_lengths)
        drawn = _controlled(preferences[there], effect, resamples.counts[:, there])
        metric = resamples.metric("length_controlled_win_rate", value, drawn, int(there.sum()))
        metrics.append(around(metric))
    return metrics


def _controlled(
    preferences: NDArray[float64], effect: NDArray[float64], counts: NDArray[float64]
) -> NDArray[float64]:
    """Return σ(θ) of one fit for each of B rows of counts (B, n): (B,), NaN where a row counts nothing."""
    rows = [counts[start : start + _SLICE] for start in range(0, len(counts), _SLICE)]
    return np.concatenate([_fitted(preferences, effect, row) for row in rows])


def _fitted(y: NDArray[float64], x: NDArray[float64], w: NDArray[float64]) -> NDArray[float64]:
    from scipy.special import expit

    total = w.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (w @ y) / total
    # Where every preference is 1, or 0, θ has no largest likelihood: the win rate is that, at any length.
    inner = (total > 0) & (mean > 0) & (mean < 1)
    result = np.where(total > 0, mean, np.nan)
    y_, w = y[None, :], w[inner]
    theta = np.log(mean[inner] / (1 - mean[inner]))
    phi = np.zeros(len(theta))
    for _ in range(_STEPS):
        p = expit(theta[:, None] + phi[:, None] * x)
        gap, curve = w * (y_ - p), w * p * (1 - p)
        g0, g1 = gap.sum(axis=1), gap @ x - _RIDGE * phi
        h00, h01, h11 = curve.sum(axis=1), curve @ x, curve @ (x * x) + _RIDGE
        determinant = np.maximum(h00 * h11 - h01 * h01, 1e-12)
        d0, d1 = (h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant
        # A step longer than 1 may overshoot where the curve is flat.
        scale = 1 / np.maximum(1.0, np.maximum(np.abs(d0), np.abs(d1)))
        theta, phi = theta + scale * d0, phi + scale * d1
        if len(theta) == 0 or max(np.abs(d0).max(), np.abs(d1).max()) < _TOLERANCE:
            break
    result[inner] = expit(theta)
    return result
