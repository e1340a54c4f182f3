"""Calibration `cdf`: a score becomes its rank among the training prompts' scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from udasa_core import Plugin, hookimpl

if TYPE_CHECKING:
    from numpy import float64, intp
    from numpy.typing import NDArray

# A state keeps at most this many knots: 64 KB, whatever the number of scores.
_KNOTS = 4096
# What is smaller is 0: a slope between two such values overflows.
_ZERO = 1e-290


class EmpiricalCDF(Plugin):
    """A calibrated score in [0, 1] is the share of fitted scores below the raw one, ties counted half.

    Formula, over n fitted scores: F(x) = (#{s < x} + ½ · #{s = x}) / n, the mid-rank empirical distribution
    function. So each dimension's calibrated scores have mean ½ over the training prompts, by construction,
    and dimensions of different spread weigh alike.

    Between two fitted values F is interpolated linearly; outside the fitted range it is flat. It is monotone.
    The state is exact up to 4096 distinct values; beyond, it keeps quantile knots and is off by at most
    1/2047 at a fitted value. A dimension that was constant maps to ½ everywhere. Fitted on no score at all
    (every response abstained) it leaves scores as they are.
    """

    label_free = True

    @hookimpl
    def udasa_fit(self, raw: NDArray[float64]) -> Mapping[str, Sequence[float]]:
        import numpy as np

        if len(raw) == 0:
            return {"values": [], "ranks": []}
        # A million prompts have millions of scores: one that is ours to change is sorted where it lies.
        scores = raw if raw.flags.writeable else raw.copy()
        scores[np.abs(scores) < _ZERO] = 0.0
        scores.sort()
        values = _distinct(scores)
        if len(values) > _KNOTS:
            values = _quantile_knots(scores)
        return {"values": values.tolist(), "ranks": _ranks(scores, np.searchsorted(scores, values)).tolist()}

    @hookimpl
    def udasa_calibrate(
        self, raw: NDArray[float64], state: Mapping[str, Sequence[float]]
    ) -> NDArray[float64]:
        import numpy as np

        if len(state["values"]) == 0:
            return np.array(raw, dtype=np.float64)
        asked = np.where(np.abs(raw) < _ZERO, 0.0, raw)
        calibrated: NDArray[float64] = np.interp(asked, state["values"], state["ranks"])
        return calibrated


def _distinct(scores: NDArray[float64]) -> NDArray[float64]:
    """Return the first distinct values of ascending scores, one more than a state keeps at most."""
    import numpy as np

    values: list[float] = []
    place = 0
    while place < len(scores) and len(values) <= _KNOTS:
        values.append(float(scores[place]))
        place = int(np.searchsorted(scores, scores[place], side="right"))
    return np.array(values)


def _ranks(scores: NDArray[float64], places: NDArray[intp]) -> NDArray[float64]:
    """Return the mid-ranks in (0, 1) of the values at some places of ascending scores."""
    import numpy as np

    values = scores[places]
    upto = np.searchsorted(scores, values, side="right")
    counts = upto - np.searchsorted(scores, values, side="left")
    ranks: NDArray[float64] = (upto - 0.5 * counts) / len(scores)
    return ranks


def _quantile_knots(scores: NDArray[float64]) -> NDArray[float64]:
    """Return at most `_KNOTS` of the values of ascending scores, both ends among them.

    Even steps of rank choose values; each one's predecessor is kept too, or else the values just below
    a heavy tie would be drawn up towards its rank.
    """
    import numpy as np

    first, last = _ranks(scores, np.array([0, len(scores) - 1]))
    targets = np.linspace(first, last, _KNOTS // 2)
    # The first place whose rank reaches a target: ranks themselves would take as much room as the scores.
    low, high = np.zeros(len(targets), dtype=np.intp), np.full(len(targets), len(scores) - 1, dtype=np.intp)
    while (low < high).any():
        middle = (low + high) // 2
        reached = _ranks(scores, middle) >= targets
        low, high = np.where(reached, low, middle + 1), np.where(reached, middle, high)
        high = np.maximum(low, high)
    before = np.maximum(np.searchsorted(scores, scores[low]) - 1, 0)
    return np.unique(np.concatenate([scores[low], scores[before]]))
