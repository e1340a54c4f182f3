"""Stage policy `thresholds`: stages by fixed bounds on the gap."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from udasa_core import PairTable, StagePlan, hookimpl
from udasa_plugin_stages.ranking import by_gap
from udasa_plugin_stages.staging import SpreadStages, StagePolicy


class ThresholdOptions(SpreadStages):
    """The stages and the bounds between them."""

    bounds: list[Annotated[float, Field(gt=0.0, le=1.0)]] = Field(
        default=[0.5, 0.25],
        description="The smallest gap of each stage but the last, in descending order: one bound fewer than "
        "there are names. The last stage has what is below.",
    )

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if len(self.bounds) != len(self.names) - 1:
            raise ValueError(
                f"{len(self.names)} names and {len(self.bounds)} bounds: give one bound fewer than names"
            )
        for higher, lower in pairwise(self.bounds):
            if higher <= lower:
                raise ValueError(f"bounds descend, and {lower:g} comes after {higher:g}: reorder them")
        return self


class Thresholds(StagePolicy):
    """Stages by gap: each has the pairs whose gap is at or above its bound and below the one before.

    With the default bounds and names: conservative (gap ≥ 0.5), moderate (0.25 ≤ gap < 0.5), exploratory
    (0 < gap < 0.25).

    A stage may come out empty. Under calibration `cdf` a gap is a difference of ranks, so the bounds keep
    their meaning from run to run.
    """

    Options = ThresholdOptions
    options: ThresholdOptions

    @hookimpl
    def udasa_stage(self, pairs: PairTable) -> StagePlan:
        ranked = by_gap(pairs)
        gaps = pairs.gaps[ranked]
        return self.options.plan(pairs, ranked, [int((gaps >= bound).sum()) for bound in self.options.bounds])
