"""Calibration `none`: scores stay as their dimensions gave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

from udasa_core import Resources, hookimpl

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


class NoCalibration:
    """A calibrated score in [0, 1] is the raw one.

    Dimensions then weigh by their spread as well as by their weight: a dimension whose scores hardly vary
    hardly counts.
    """

    class Options(BaseModel):
        """`none` has no options."""

        model_config = ConfigDict(extra="forbid", frozen=True)

    needs: ClassVar[tuple[str, ...]] = ()
    label_free: ClassVar[bool] = True

    def __init__(self, options: Options, name: str, resources: Resources) -> None:
        self.options = options
        self.name = name

    @hookimpl
    def udasa_fit(self, raw: NDArray[float64]) -> Mapping[str, Sequence[float]]:
        return {}

    @hookimpl
    def udasa_calibrate(
        self, raw: NDArray[float64], state: Mapping[str, Sequence[float]]
    ) -> NDArray[float64]:
        return raw
