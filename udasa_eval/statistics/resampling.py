"""Bootstrap intervals over questions: the responses of one question are never taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Metric

RESAMPLES = 2000
_TAILS = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Resamples:
    """How often each of Q clusters is drawn in each of B resamples: float64 (B, Q), each row summing to Q.

    Intervals are percentile intervals at 95%, standard errors the resampled values' standard deviations.
    Where every cluster agrees, as with a pair accuracy of 1, they have no width: read the n beside them.
    """

    counts: NDArray[float64]

    @classmethod
    def draw(cls, clusters: int, seed: int, resamples: int = RESAMPLES) -> Resamples:
        """Draw with replacement, as many clusters as there are; the same seed draws the same."""
        if not clusters:
            return cls(np.zeros((resamples, 0)))
        rng = np.random.default_rng(seed)
        return cls(rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples).astype(float64))

    def ratio(self, name: str, over: NDArray[Any], under: NDArray[Any], n: int | None = None) -> Metric:
        """Return Σ over / Σ under with its interval; over, under: (Q,).

        n: how many items the figure rests on, by default the clusters with something under the line. NaN
        where nothing is.
        """
        over, under = over.astype(float64), under.astype(float64)
        behind = int(np.count_nonzero(under)) if n is None else n
        total = under.sum()
        value = float(over.sum() / total) if total else np.nan
        drawn, of = self.counts @ over, self.counts @ under
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.metric(name, value, np.where(of > 0, drawn / of, np.nan), behind)

    def mean(self, name: str, values: NDArray[float64]) -> Metric:
        """Return the mean of the clusters' values, (Q,), with its interval; NaN values are left out."""
        there = np.isfinite(values)
        return self.ratio(name, np.where(there, values, 0.0), there)

    def metric(self, name: str, value: float, resampled: NDArray[float64], n: int) -> Metric:
        """Return a figure with the percentile interval of its resampled values, (B,); NaN ones are left
        out."""
        resampled = resampled[np.isfinite(resampled)]
        if not np.isfinite(value) or not len(resampled):
            return Metric(name, value, np.nan, np.nan, n)
        low, high = np.percentile(resampled, _TAILS)
        error = float(resampled.std(ddof=1)) if len(resampled) > 1 else None
        return Metric(name, value, float(low), float(high), n, error)
