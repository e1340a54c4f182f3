"""Calibration `platt`: a score becomes a probability of being wrong by a logistic curve fitted on labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from udasa_core import UdasaError, hookimpl
from udasa_plugin_calibration.fitted import FittedCalibration

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


class Platt(FittedCalibration):
    """A calibrated score in [0, 1] is an estimate of P(wrong) by two fitted numbers.

    Formula, of a raw score u in [0, 1]: σ(a · u + b) with a ≥ 0, so the order is kept. a and b are read from
    a file that `udasa experiment fit-weights` wrote: the run's own scores play no part, so this is the same
    map in every round. Two numbers need fewer labels than `isotonic`'s curve and can be wrong in shape. Where
    the labels show no slope a is 0, and equal scores make no pair.

    Not label-free: human labels shaped the curve. Source: Platt (1999), Probabilistic outputs for support
    vector machines. Raises UdasaError where the file has no such curve of a dimension of the run, naming
    those that it has.
    """

    @hookimpl
    def udasa_fit(self, raw: NDArray[float64], dimension: str) -> Mapping[str, Sequence[float]]:
        curve = self.curves(dimension).platt
        if curve is None:
            raise UdasaError(
                f"{self.options.source} has no Platt curve of the dimension {dimension!r}: write it anew "
                "with `udasa experiment fit-weights`"
            )
        return {"slope": (curve.slope,), "intercept": (curve.intercept,)}

    @hookimpl
    def udasa_calibrate(
        self, raw: NDArray[float64], state: Mapping[str, Sequence[float]]
    ) -> NDArray[float64]:
        from scipy.special import expit

        (slope,), (intercept,) = state["slope"], state["intercept"]
        calibrated: NDArray[float64] = expit(slope * raw + intercept)
        return calibrated
