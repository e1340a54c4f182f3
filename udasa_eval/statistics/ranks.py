"""Ranks, and rank correlation under resampling."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Metric, Resamples


def mid_ranks(values: NDArray[float64]) -> NDArray[float64]:
    """Return the ranks of each column from 1, equals sharing their mean rank; (m, C), no NaN."""
    from scipy.stats import rankdata

    ranks: NDArray[float64] = rankdata(values, axis=0)
    return ranks


def correlations(left: NDArray[float64], right: NDArray[float64]) -> NDArray[float64]:
    """Return Pearson's correlation of each of L left columns (m, L) with each of R right ones (m, R): (L, R),
    NaN where either is constant."""
    left, right = left - left.mean(axis=0), right - right.mean(axis=0)
    scale = np.sqrt((left**2).sum(axis=0)[:, None] * (right**2).sum(axis=0)[None, :])
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation: NDArray[float64] = np.where(scale > 0, (left.T @ right) / scale, np.nan)
    return correlation


def rank_agreement(name: str, values: NDArray[float64], resamples: Resamples) -> Metric:
    """Return the mean of Spearman's ρ over all pairs of repeats; targets are the resampled unit.

    values: (N, r), no NaN, for as many targets as the resamples have clusters. Each resample is ranked anew.
    """
    n, repeats = values.shape
    if n < 2 or repeats < 2:
        return Metric(name, np.nan, np.nan, np.nan, n)
    whole = _spearman(values, np.ones((1, n)))
    return resamples.metric(name, float(whole[0]), _spearman(values, resamples.counts), n)


def _spearman(values: NDArray[float64], weights: NDArray[float64]) -> NDArray[float64]:
    """Return the mean ρ between columns for each row of weights, (B,): how often each target is drawn, (B,
    N)."""
    ranks = [_weighted_mid_ranks(column, weights) for column in values.T]
    total = weights.sum(axis=1, keepdims=True)
    centred = [rank - (weights * rank).sum(axis=1, keepdims=True) / total for rank in ranks]
    found = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for left, right in combinations(centred, 2):
            scale = np.sqrt((weights * left**2).sum(axis=1) * (weights * right**2).sum(axis=1))
            found.append((weights * left * right).sum(axis=1) / scale)
    mean: NDArray[float64] = np.mean(found, axis=0)
    return mean


def _weighted_mid_ranks(column: NDArray[float64], weights: NDArray[float64]) -> NDArray[float64]:
    """Return the mid-ranks that targets have once each is repeated as often as its weight says, (B, N)."""
    _, which = np.unique(column, return_inverse=True)
    order = np.argsort(which, kind="stable")
    starts = np.concatenate([[0], np.flatnonzero(np.diff(which[order])) + 1])
    mass = np.add.reduceat(weights[:, order], starts, axis=1)
    middle = np.cumsum(mass, axis=1) - mass / 2 + 0.5
    ranks: NDArray[float64] = middle[:, which]
    return ranks
