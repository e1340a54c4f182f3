"""Bootstrap intervals over prompts: the responses to one prompt are never taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from udasa_core.records import Metric

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

_RESAMPLES = 2000
_TAILS = (2.5, 97.5)


def mean_interval(values: NDArray[float64], seed: int) -> tuple[float, float]:
    """Return the 95% percentile interval of the mean of Q values, each a prompt's; the same seed draws the
    same.

    One resample at a time: all at once, as `Resamples` has them, would take 2000 times the prompts' memory.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    size = len(values)
    means = [values[random.integers(0, size, size=size)].mean() for _ in range(_RESAMPLES)]
    low, high = np.percentile(means, _TAILS)
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Resamples:
    """The clustered bootstrap: how often each of Q clusters, prompts say, is drawn in each of B resamples.

    Intervals are percentile intervals at 95%, standard errors the resampled values' standard deviations.
    Where every cluster agrees, as with a pair accuracy of 1, they have no width: read the n beside them.
    """

    counts: NDArray[float64]

    @classmethod
    def draw(cls, clusters: int, seed: int, resamples: int = _RESAMPLES) -> Resamples:
        """Draw with replacement, as many clusters as there are; the same seed draws the same."""
        import numpy as np

        if not clusters:
            return cls(np.zeros((resamples, 0)))
        rng = np.random.default_rng(seed)
        return cls(
            rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples).astype(np.float64)
        )

    def ratio(self, name: str, over: NDArray[Any], under: NDArray[Any], n: int | None = None) -> Metric:
        """Return Σ over / Σ under with its interval; over, under: (Q,).

        n: how many items the figure rests on, by default the clusters with something under the line. NaN
        where nothing is.
        """
        import numpy as np

        over, under = over.astype(np.float64), under.astype(np.float64)
        behind = int(np.count_nonzero(under)) if n is None else n
        total = under.sum()
        value = float(over.sum() / total) if total else np.nan
        drawn, of = self.counts @ over, self.counts @ under
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.metric(name, value, np.where(of > 0, drawn / of, np.nan), behind)

    def mean(self, name: str, values: NDArray[float64]) -> Metric:
        """Return the mean of the clusters' values, (Q,), with its interval; NaN values are left out."""
        import numpy as np

        there = np.isfinite(values)
        return self.ratio(name, np.where(there, values, 0.0), there)

    def metric(self, name: str, value: float, resampled: NDArray[float64], n: int) -> Metric:
        """Return a figure with the percentile interval of its resampled values, (B,); NaN ones are left
        out."""
        import numpy as np

        resampled = resampled[np.isfinite(resampled)]
        if not np.isfinite(value) or not len(resampled):
            return Metric(name, value, np.nan, np.nan, n)
        low, high = np.percentile(resampled, _TAILS)
        error = float(resampled.std(ddof=1)) if len(resampled) > 1 else None
        return Metric(name, value, float(low), float(high), n, error)
