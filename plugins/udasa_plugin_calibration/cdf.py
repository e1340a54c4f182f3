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
        values, counts = np.unique(raw, return_counts=True)
        ranks = (np.cumsum(counts) - 0.5 * counts) / len(raw)
        if len(values) > _KNOTS:
            knots = _quantile_knots(ranks)
            values, ranks = values[knots], ranks[knots]
        return {"values": values.tolist(), "ranks": ranks.tolist()}

    @hookimpl
    def udasa_calibrate(
        self, raw: NDArray[float64], state: Mapping[str, Sequence[float]]
    ) -> NDArray[float64]:
        import numpy as np

        if len(state["values"]) == 0:
            return np.array(raw, dtype=np.float64)
        asked, values = (np.where(np.abs(of) < _ZERO, 0.0, of) for of in (raw, state["values"]))
        calibrated: NDArray[float64] = np.interp(asked, values, state["ranks"])
        return calibrated


def _quantile_knots(ranks: NDArray[float64]) -> NDArray[intp]:
    """Return at most `_KNOTS` indices into ascending `ranks`, both ends among them.

    Even steps of rank choose values; each one's predecessor is kept too, or else the values just below
    a heavy tie would be drawn up towards its rank.
    """
    import numpy as np

    targets = np.linspace(ranks[0], ranks[-1], _KNOTS // 2)
    chosen = np.searchsorted(ranks, targets)
    return np.unique(np.concatenate([chosen, np.maximum(chosen - 1, 0)]))
