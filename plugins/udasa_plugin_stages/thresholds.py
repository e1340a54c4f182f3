"""Stage policy `thresholds`: stages by fixed bounds on the gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from udasa_core import PairTable, Plugin, StagePlan, hookimpl
from udasa_plugin_stages.ranking import Ranking

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


class Thresholds(Plugin):
    """Three stages by gap, in training order:

    conservative (gap ≥ tau_high), moderate (tau_low ≤ gap < tau_high), exploratory (0 < gap < tau_low).

    The order inside a stage says nothing: trainers shuffle. A stage may come out empty. Under calibration
    `cdf` a gap is a difference of ranks, so the bounds keep their meaning from run to run.
    """

    class Options(Ranking):
        """The bounds, and what else to do with pairs."""

        tau_high: float = Field(
            default=0.5, gt=0.0, le=1.0, description="The smallest gap of the conservative stage."
        )
        tau_low: float = Field(
            default=0.25, gt=0.0, le=1.0, description="The smallest gap of the moderate stage."
        )

        @model_validator(mode="after")
        def _ordered(self) -> Self:
            if self.tau_low >= self.tau_high:
                raise ValueError(
                    f"tau_low ({self.tau_low:g}) must be below tau_high ({self.tau_high:g}): "
                    "lower tau_low or raise tau_high"
                )
            return self

    options: Options
    label_free = True
    stage_names = ("conservative", "moderate", "exploratory")

    @hookimpl
    def udasa_stage(self, pairs: PairTable) -> StagePlan:
        return self.options.plan(self.stage_names, pairs, self._cuts)

    def _cuts(self, gaps: NDArray[float64]) -> list[int]:
        return [int((gaps >= bound).sum()) for bound in (self.options.tau_high, self.options.tau_low)]
