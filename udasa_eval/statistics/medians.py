"""The median of items with its bootstrap interval."""

from __future__ import annotations

import numpy as np
from numpy import float64, intp
from numpy.typing import NDArray

from udasa_core import Metric, Resamples


def resampled_median(resamples: Resamples, name: str, values: NDArray[float64]) -> Metric:
    """Return the median of the items' values, (Q,), with its interval; NaN values are left out.

    Of an even number of values it is the mean of the two in the middle, in the sample and in each resample.
    """
    there = np.isfinite(values)
    kept = values[there]
    if not len(kept):
        return Metric(name, np.nan, np.nan, np.nan, 0)
    order = np.argsort(kept, kind="stable")
    # Resamples with nothing left in them have no median.
    counts = resamples.counts[:, there][:, order]
    through = np.cumsum(counts, axis=1)
    totals = through[:, -1]
    middles = [_at(kept[order], through, np.floor((totals - 1) / 2)), _at(kept[order], through, totals // 2)]
    drawn = np.where(totals > 0, sum(middles) / 2, np.nan)
    return resamples.metric(name, float(np.median(kept)), drawn, len(kept))


def _at(ordered: NDArray[float64], through: NDArray[float64], rank: NDArray[float64]) -> NDArray[float64]:
    """Return, for each row of cumulative counts, the value at a rank from 0."""
    place: NDArray[intp] = (through <= rank[:, None]).sum(axis=1)
    return ordered[np.minimum(place, len(ordered) - 1)]
