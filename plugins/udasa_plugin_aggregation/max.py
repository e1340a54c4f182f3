"""Aggregation `max`: U is the most uncertain dimension's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from udasa_core import Resources, Score, hookimpl
from udasa_plugin_aggregation.voices import Voice, combine_each


class Maximum:
    """U in [0, 1] for each response: 0 where every dimension is certain, 1 where any one is most uncertain.

    Formula: U = max_d u_d, over the dimensions of positive weight that did not abstain for this response.
    Weights say only which dimensions count (0: not at all), not how much: scaling a calibrated score by its
    weight would leave ranks that no longer compare. Abstains, with the dimensions' reasons, where all of
    those abstained.
    """

    class Options(BaseModel):
        """`max` has no options."""

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
        return combine_each(columns, weights, _highest)


def _highest(voices: Sequence[Voice]) -> float:
    return max(u for _, u in voices)
