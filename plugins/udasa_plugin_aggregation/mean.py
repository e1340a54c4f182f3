"""Aggregation `mean`: U is the weighted mean of the dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from udasa_core import Plugin, Score, hookimpl
from udasa_plugin_aggregation.voices import combine_each, weighted_mean


class WeightedMean(Plugin):
    """U in [0, 1] for each response: 0 where every dimension is certain, 1 where every one is most uncertain.

    Formula, over the dimensions d that did not abstain for this response: U = Σ w_d · u_d / Σ w_d. So the
    weights of the others are renormalised, and a dimension with weight 0 is measured but never counts.
    Abstains, with the dimensions' reasons, where every dimension of positive weight abstained.
    """

    label_free = True

    @hookimpl
    def udasa_aggregate(
        self, columns: Mapping[str, Sequence[Score]], weights: Mapping[str, float]
    ) -> Sequence[Score]:
        return combine_each(columns, weights, weighted_mean)
