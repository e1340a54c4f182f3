"""What a difference over seeds and questions is worth, both being a sample of many more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Metric

_RESAMPLES = 10_000
_TAILS = (2.5, 97.5)
# Of the ends that an interval must lie between for two arms to be called equivalent: a point of accuracy.
EQUIVALENT = 0.01


@dataclass(frozen=True, slots=True)
class TwoWay:
    """A mean difference over S seeds and Q questions, both resampled.

    metric: the mean with its 95% interval. p: two-sided; of 10,000 resamples never below 2/10,001.
    spread: standard deviation of the seeds' means, NaN with one seed.
    """

    metric: Metric
    p: float
    spread: float

    @property
    def verdict(self) -> str:
        """Return what may be said, by the interval alone: "helps", "harms", "equivalent" or "undecided"."""
        if self.metric.low > 0:
            return "helps"
        if self.metric.high < 0:
            return "harms"
        within = self.metric.low >= -EQUIVALENT and self.metric.high <= EQUIVALENT
        return "equivalent" if within else "undecided"


def two_way(name: str, differences: NDArray[float64], seed: int, *, resamples: int = _RESAMPLES) -> TwoWay:
    """Resample seeds and questions of (S, Q) differences, each drawn with replacement and apart from the
    other, `resamples` times.

    A bootstrap over a handful of seeds is a little too narrow: seeds' deviations from their mean are widened
    by √(S/(S − 1)) beforehand. With one seed, questions alone are resampled. Owen (2007, arXiv 0712.1111)
    shows that to draw both factors overstates the variance of what neither alone explains, and so errs on
    the safe side.
    """
    seeds, questions = differences.shape
    mean = float(differences.mean())
    by_seed = differences.mean(axis=1, keepdims=True)
    widened = differences
    if seeds > 1:
        widened = differences + (by_seed - mean) * (np.sqrt(seeds / (seeds - 1)) - 1)
    rng = np.random.default_rng(seed)
    over_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples)
    over_questions = rng.multinomial(questions, np.full(questions, 1 / questions), size=resamples)
    drawn = ((over_seeds @ widened) * over_questions).sum(axis=1) / (seeds * questions)
    low, high = np.percentile(drawn, _TAILS)
    below, above = np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0)
    p = min(1.0, 2 * (min(below, above) + 1) / (resamples + 1))
    error = float(drawn.std(ddof=1))
    spread = float(by_seed.std(ddof=1)) if seeds > 1 else float("nan")
    return TwoWay(Metric(name, mean, float(low), float(high), questions, error), float(p), spread)
