"""Aggregation `mean`: U is the weighted mean of the dimensions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from udasa_core import Abstain, Resources, Score, hookimpl


class WeightedMean:
    """U in [0, 1] for each response: 0 where every dimension is certain, 1 where every one is most uncertain.

    Formula, over the dimensions d that did not abstain for this response: U = Σ w_d · u_d / Σ w_d. So the
    weights of the others are renormalised, and a dimension with weight 0 is measured but never counts.
    Abstains, with the dimensions' reasons, where every dimension of positive weight abstained.
    """

    class Options(BaseModel):
        """`mean` has no options: weights stand with the dimensions."""

        model_config = ConfigDict(extra="forbid", frozen=True)

    needs: ClassVar[tuple[str, ...]] = ()
    label_free: ClassVar[bool] = True

    def __init__(self, options: Options, name: str, resources: Resources) -> None:
        self.options = options
        self.name = name

    @hookimpl
    def udasa_aggregate(
        self, columns: Mapping[str, Sequence[Score]], weights: Mapping[str, float]
    ) -> Sequence[Score]:
        counted = [name for name in columns if weights[name] > 0]
        voices = [weights[name] for name in counted]
        return [
            _mean(counted, voices, scores)
            for scores in zip(*(columns[name] for name in counted), strict=True)
        ]


def _mean(names: Sequence[str], weights: Sequence[float], scores: Sequence[Score]) -> Score:
    """Return one response's U from its D scores, D ≥ 1."""
    given = [
        (weight, score)
        for weight, score in zip(weights, scores, strict=True)
        if not isinstance(score, Abstain)
    ]
    if not given:
        reasons = [
            f"{name}: {score.reason}"
            for name, score in zip(names, scores, strict=True)
            if isinstance(score, Abstain)
        ]
        return Abstain("; ".join(reasons))
    # fsum rounds once, so U does not depend on the order of the dimensions.
    mean = math.fsum(w * u for w, u in given) / math.fsum(w for w, _ in given)
    lowest, highest = min(u for _, u in given), max(u for _, u in given)
    return min(max(mean, lowest), highest)
