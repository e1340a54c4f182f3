"""Fitting to labels: curves from a raw score to P(wrong), and weights of the dimensions.

Pure functions over arrays of n labelled responses. `wrong` is 1 (or True) for a wrong response, 0 for a right
one. Whatever is fitted here makes a run that uses it not label-free.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from udasa_core import UdasaError

if TYPE_CHECKING:
    from numpy import float64, intp
    from numpy.typing import ArrayLike, NDArray

# The penalty on squared weights: small beside a loss of log 2, and what keeps weights finite where the labels
# are separated without an error, and even between dimensions that say the same.
_RIDGE = 1e-3


def fit_isotonic(scores: ArrayLike, wrong: ArrayLike) -> tuple[NDArray[float64], NDArray[float64]]:
    """Return the knots (scores, P(wrong)) of the nondecreasing curve nearest to the labels by least squares.

    scores: (n,), n ≥ 1. The knots' scores ascend strictly, their values lie in [0, 1] and never fall; between
    them the curve is meant to be interpolated linearly, outside to be flat. Each level of the fit has a knot
    at both its ends. Method: pool adjacent violators (Ayer et al. 1955), equal scores being one point.
    """
    import numpy as np
    from scipy.optimize import isotonic_regression

    x, y = _points(scores, wrong)
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    sums = np.bincount(inverse, weights=y)
    starts = isotonic_regression(sums / counts, weights=counts).blocks[:-1]
    # From whole labels, so that a level is rounded once.
    levels = np.add.reduceat(sums, starts) / np.add.reduceat(counts, starts)
    ends = [*(starts[1:] - 1), len(values) - 1]
    knots = np.unique(np.concatenate([starts, ends]))
    block = np.searchsorted(starts, knots, side="right") - 1
    return values[knots], levels[block]


def fit_platt(scores: ArrayLike, wrong: ArrayLike) -> tuple[float, float]:
    """Return (slope, intercept) of P(wrong) = σ(slope · u + intercept), slope ≥ 0.

    scores: (n,), n ≥ 1. Maximum likelihood to Platt's smoothed labels, (N₊ + 1)/(N₊ + 2) for the N₊ wrong
    responses and 1/(N₋ + 2) for the N₋ right ones, so that the fit is finite where a bound separates them.
    Where the likeliest slope is negative (the score points the wrong way), it is 0 and the curve is flat.
    Source: Platt (1999); the minimum by L-BFGS-B.
    """
    import numpy as np
    from scipy.special import expit

    x, y = _points(scores, wrong)
    bad = float(y.sum())
    targets = np.where(y > 0.5, (bad + 1.0) / (bad + 2.0), 1.0 / (len(y) - bad + 2.0))
    share = float(targets.mean())
    flat = float(np.log(share) - np.log1p(-share))
    if x.min() == x.max():
        return 0.0, flat
    centre, spread = float(x.mean()), float(x.std())
    # Standardised scores, so that a dimension of tiny spread is fitted as well as any other.
    design = np.stack([(x - centre) / spread, np.ones_like(x)], axis=1)

    def loss(curve: NDArray[float64]) -> tuple[float, NDArray[float64]]:
        log_odds = design @ curve
        value = (np.logaddexp(0.0, log_odds) - targets * log_odds).mean()
        return float(value), design.T @ (expit(log_odds) - targets) / len(x)

    curve = _minimum(loss, np.array([0.0, flat]), [(0.0, None), (None, None)])
    if curve[0] <= 0.0:
        return 0.0, flat
    slope = float(curve[0]) / spread
    return slope, float(curve[1]) - slope * centre


def fit_weights(columns: ArrayLike, wrong: ArrayLike, questions: ArrayLike) -> NDArray[float64]:
    """Return (d,) weights ≥ 0 that sum to 1, under which wrong responses get more U than right ones.

    columns: (n, d) calibrated scores in [0, 1], without gaps. wrong: (n,). questions: (n,) of any kind; equal
    entries mean one question. Only differences within a question count, since only those make pairs: over
    each question's pairs of a wrong response i and a right one j, with Δ = columns[i] − columns[j],

        minimise over β ≥ 0:   mean over questions of mean over pairs of log(1 + exp(−β·Δ)) + λ/2 · |β|²

    with λ = 0.001, and weights = β / Σ β: a question weighs alike however many pairs it has. (The model of
    Bradley and Terry 1952, on pairs within questions.) Questions whose responses are all right or all wrong
    say nothing. Raises UdasaError where no question has both, or where no dimension, alone or with others,
    puts wrong above right.
    """
    import numpy as np

    scores = np.asarray(columns, dtype=np.float64)
    labels = np.asarray(wrong, dtype=np.float64)
    _, numbers = np.unique(np.asarray(questions), return_inverse=True)
    if scores.ndim != 2 or scores.shape[1] < 1 or not len(scores) == len(labels) == len(numbers):
        raise ValueError(
            f"columns {scores.shape} are a table with a row for each of the {len(labels)} labels "
            f"and {len(numbers)} questions"
        )
    _check(scores, labels)
    differences, shares = _differences(scores, labels, numbers)
    if not len(differences):
        raise UdasaError(
            "no question has both a right and a wrong response: weights cannot be fitted to these"
        )
    beta = _nonnegativeexpit(differences, shares)
    if not beta.sum() > 0.0:
        raise UdasaError(
            "no dimension puts wrong responses above right ones of the same question: no weight can be fitted"
        )
    weights: NDArray[float64] = beta / beta.sum()
    return weights


def _differences(
    scores: NDArray[float64], wrong: NDArray[float64], numbers: NDArray[intp]
) -> tuple[NDArray[float64], NDArray[float64]]:
    """Return the m pairs' Δ (m, d), wrong minus right, and each one's share (m,) of a loss that sums to 1."""
    import numpy as np

    parts: list[NDArray[float64]] = []
    order = np.argsort(numbers, kind="stable")
    for own in np.split(order, np.cumsum(np.bincount(numbers))[:-1]):
        bad, good = scores[own[wrong[own] == 1.0]], scores[own[wrong[own] == 0.0]]
        if len(bad) and len(good):
            parts.append((bad[:, None, :] - good[None, :, :]).reshape(-1, scores.shape[1]))
    if not parts:
        return np.empty((0, scores.shape[1])), np.empty(0)
    shares = np.concatenate([np.full(len(part), 1.0 / (len(part) * len(parts))) for part in parts])
    return np.concatenate(parts), shares


def _nonnegativeexpit(differences: NDArray[float64], shares: NDArray[float64]) -> NDArray[float64]:
    """Return the β ≥ 0 (d,) of `fit_weights`."""
    import numpy as np
    from scipy.special import expit

    def loss(beta: NDArray[float64]) -> tuple[float, NDArray[float64]]:
        margins = differences @ beta
        value = shares @ np.logaddexp(0.0, -margins) + 0.5 * _RIDGE * beta @ beta
        return float(value), _RIDGE * beta - differences.T @ (shares * expit(-margins))

    count = differences.shape[1]
    return _minimum(loss, np.zeros(count), [(0.0, None)] * count)


def _minimum(
    loss: Callable[[NDArray[float64]], tuple[float, NDArray[float64]]],
    start: NDArray[float64],
    bounds: Sequence[tuple[float | None, None]],
) -> NDArray[float64]:
    """Return where a smooth convex loss, given with its gradient, is least within bounds.

    By L-BFGS-B (Byrd et al. 1995), until the loss no longer falls in float64.
    """
    import numpy as np
    from scipy.optimize import minimize

    options = {"ftol": 0.0, "gtol": 1e-12, "maxiter": 1000}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return np.asarray(found.x, dtype=np.float64)


def _points(scores: ArrayLike, wrong: ArrayLike) -> tuple[NDArray[float64], NDArray[float64]]:
    import numpy as np

    x, y = np.asarray(scores, dtype=np.float64), np.asarray(wrong, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        raise ValueError(f"scores {x.shape} and wrong {y.shape} are of one length, which is not 0")
    _check(x, y)
    return x, y


def _check(scores: NDArray[float64], wrong: NDArray[float64]) -> None:
    import numpy as np

    if not np.isfinite(scores).all():
        raise ValueError("a score is not finite: leave out the responses that a dimension abstained from")
    if not np.isin(wrong, (0.0, 1.0)).all():
        raise ValueError("wrong holds something else than 0 and 1")
