"""Calibration `isotonic`: a score becomes the share of wrong responses at such scores, on labelled ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from udasa_core import UdasaError, hookimpl
from udasa_plugin_calibration.fitted import FittedCalibration

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


class Isotonic(FittedCalibration):
    """A calibrated score in [0, 1] is an estimate of P(wrong): 0 where no labelled response was wrong.

    Formula: linear interpolation between the knots of the nondecreasing curve that least squares fit to
    labels (pool adjacent violators); flat outside the fitted range. The curve is read from a file that
    `udasa experiment fit-weights` wrote: the run's own scores play no part, so this is the same map in every
    round. Where the labels show no slope the curve is flat, and equal scores make no pair.

    Not label-free: human labels shaped the curve. Source: Zadrozny and Elkan (2002), Transforming classifier
    scores into accurate multiclass probability estimates. Raises UdasaError where the file has no such curve
    of a dimension of the run, naming those that it has.
    """

    @hookimpl
    def udasa_fit(self, raw: NDArray[float64], dimension: str) -> Mapping[str, Sequence[float]]:
        curve = self.curves(dimension).isotonic
        if curve is None:
            raise UdasaError(
                f"{self.options.source} has no isotonic curve of the dimension {dimension!r}: write it anew "
                "with `udasa experiment fit-weights`"
            )
        return {"scores": curve.scores, "wrong": curve.wrong}

    @hookimpl
    def udasa_calibrate(
        self, raw: NDArray[float64], state: Mapping[str, Sequence[float]]
    ) -> NDArray[float64]:
        import numpy as np

        calibrated: NDArray[float64] = np.interp(raw, state["scores"], state["wrong"])
        return calibrated
