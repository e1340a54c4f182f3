"""Aggregation `veto`: some dimensions may exclude a response from being chosen, whatever the others say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field, StringConstraints

from udasa_core import Abstain, Plugin, Score, UdasaError, hookimpl
from udasa_plugin_aggregation.voices import combine_each, weighted_mean

Name = Annotated[str, StringConstraints(min_length=1)]


class Veto(Plugin):
    """U in [0, 1] for each response: 1 where a dimension vetoes it, else the weighted mean of the dimensions.

    Formula: U = 1 where u_d > `bound` for a d of `dimensions` (calibrated scores); otherwise
    U = Σ w_d · u_d / Σ w_d as in `mean`, over the dimensions that did not abstain. A strategy that pairs by
    positive gaps never chooses a response with U = 1, and may reject it; where all of a prompt's responses
    are vetoed, the prompt gives no pair.

    A dimension may veto with weight 0: then it vetoes without voting. Under calibration `cdf` a bound is a
    rank: 0.9 excludes the most uncertain tenth of all responses by that dimension, however good they are.
    A dimension that abstained for a response does not veto it. Abstains, with the dimensions' reasons, where
    every dimension of positive weight abstained and none vetoes.
    Raises UdasaError, naming the run's dimensions, where `dimensions` names none of them.
    """

    class Options(Plugin.Options):
        """Who may veto, and from where on."""

        dimensions: tuple[Name, ...] = Field(
            min_length=1, description="Names of the dimensions that may veto a response."
        )
        bound: float = Field(
            default=0.9,
            ge=0.0,
            lt=1.0,
            description="A calibrated score above this vetoes the response.",
        )

    options: Options
    label_free = True

    @hookimpl
    def udasa_aggregate(
        self, columns: Mapping[str, Sequence[Score]], weights: Mapping[str, float]
    ) -> Sequence[Score]:
        strangers = [name for name in self.options.dimensions if name not in columns]
        if strangers:
            raise UdasaError(
                f"aggregation {self.name!r}: dimensions names {', '.join(map(repr, strangers))}; those of "
                f"the run are {', '.join(columns)}: write some of these"
            )
        verdicts = zip(*(columns[name] for name in self.options.dimensions), strict=True)
        return [
            1.0 if any(map(self._vetoes, verdict)) else mean
            for verdict, mean in zip(verdicts, combine_each(columns, weights, weighted_mean), strict=True)
        ]

    def _vetoes(self, score: Score) -> bool:
        return not isinstance(score, Abstain) and score > self.options.bound
