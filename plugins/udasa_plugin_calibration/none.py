"""Calibration `none`: scores stay as their dimensions gave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from udasa_core import Plugin, hookimpl

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


class NoCalibration(Plugin):
    """A calibrated score in [0, 1] is the raw one.

    Dimensions then weigh by their spread as well as by their weight: a dimension whose scores hardly vary
    hardly counts.
    """

    label_free = True

    @hookimpl
    def udasa_fit(self, raw: NDArray[float64]) -> Mapping[str, Sequence[float]]:
        return {}

    @hookimpl
    def udasa_calibrate(
        self, raw: NDArray[float64], state: Mapping[str, Sequence[float]]
    ) -> NDArray[float64]:
        return raw
