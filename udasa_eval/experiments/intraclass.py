"""Agreement of repeated measurements: the intraclass correlation under resampling."""

from __future__ import annotations

import numpy as np
from numpy import float64, intp
from numpy.typing import NDArray

from udasa_core import Metric, Resamples


def intraclass(name: str, values: NDArray[float64], clusters: NDArray[intp], resamples: Resamples) -> Metric:
    """Return ICC(2,1) of N targets measured r times: absolute agreement of single measurements.

    ICC(2,1) = (MSR − MSE) / (MSR + (r − 1) MSE + r (MSC − MSE) / N), with the mean squares of a two-way
    layout: MSR between targets, MSC between repeats, MSE the rest (Shrout and Fleiss 1979). 1: repeats are
    equal; 0: they tell nothing of the target. NaN where nothing varies.

    values: (N, r), no NaN. clusters: (N,), the resampled unit that each target belongs to. n: the targets.
    """
    n, repeats = values.shape
    if n < 2 or repeats < 2:
        return Metric(name, np.nan, np.nan, np.nan, n)
    values = values - values.mean()
    sums = np.concatenate(
        [
            np.ones((n, 1)),
            (values.sum(axis=1, keepdims=True)) ** 2,
            (values**2).sum(axis=1, keepdims=True),
            values,
        ],
        axis=1,
    )
    by_cluster = np.zeros((resamples.counts.shape[1], sums.shape[1]))
    np.add.at(by_cluster, clusters, sums)
    whole = _icc(by_cluster.sum(axis=0, keepdims=True), repeats)
    return resamples.metric(name, float(whole[0]), _icc(resamples.counts @ by_cluster, repeats), n)


def _icc(sums: NDArray[float64], repeats: int) -> NDArray[float64]:
    """Return ICC(2,1) from sums over targets, (B, 3 + r): targets, squared row sums, squares, and each
    repeat's sum."""
    n, squared_rows, squares, columns = sums[:, 0], sums[:, 1], sums[:, 2], sums[:, 3:]
    with np.errstate(invalid="ignore", divide="ignore"):
        correction = columns.sum(axis=1) ** 2 / (n * repeats)
        between = squared_rows / repeats - correction
        across = (columns**2).sum(axis=1) / n - correction
        rest = np.maximum(squares - correction - between - across, 0.0)
        msr = between / (n - 1)
        msc = across / (repeats - 1)
        mse = rest / ((n - 1) * (repeats - 1))
        below = msr + (repeats - 1) * mse + repeats * (msc - mse) / n
        varies = squares - correction > 1e-12 * np.maximum(squares, 1e-300)
        icc: NDArray[float64] = np.where(varies & (n > 1), (msr - mse) / below, np.nan)
    return icc
