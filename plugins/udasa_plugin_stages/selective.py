"""Stage policy `selective`: what the policy finds hardest is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from udasa_core import PairTable, StagePlan, hookimpl
from udasa_plugin_stages.ranking import by_gap, even_cuts, ranked
from udasa_plugin_stages.staging import SpreadStages, StagePolicy

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

UNMEASURED = "the log-probabilities of its responses are not known"
_SHARE = 0.2


class SelectiveOptions(SpreadStages):
    """What counts as too hard, and the stages of what is left."""

    share: float | None = Field(
        default=None,
        ge=0.0,
        lt=1.0,
        description="The share of pairs, rounded down, that is dropped: the hardest ones. Left out: 0.2, "
        "unless there is a `bound`.",
    )
    bound: float | None = Field(
        default=None,
        description="In place of a share: pairs of a lower log-ratio are dropped, in nats (a token). At 0, "
        "those whose rejected response the policy finds likelier.",
    )
    per_token: bool = Field(
        default=True,
        description="Divide log-probabilities by the numbers of tokens; false takes sums, by which long "
        "rejected responses make a pair easy.",
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if self.share is not None and self.bound is not None:
            raise ValueError(
                f"share ({self.share:g}) and bound ({self.bound:g}) are two rules: leave one out"
            )
        return self


class Selective(StagePolicy):
    """The hardest pairs are dropped; the others are staged as by `quantiles`.

    A pair is hard where the policy itself would rather have given the rejected response: by the log-ratio

        log π(chosen)/|chosen| − log π(rejected)/|rejected|

    in nats a token, the lowest being the hardest, of equal ones the later id. π is the policy that gave the
    responses: the reference of the first stage, where that was the base. A thought before the answer counts.

    Inspired by Selective DPO (arXiv 2502.09650), which measures difficulty otherwise, and MixDPO (arXiv
    2602.00954): neither one's formula is used.
    """

    Options = SelectiveOptions
    options: SelectiveOptions

    @hookimpl
    def udasa_stage(self, pairs: PairTable) -> StagePlan:
        import numpy as np

        options = self.options
        kept = pairs.gaps > 0.0
        if options.ungapped == "spread":
            kept |= np.isnan(pairs.gaps)
        ratios = self._ratios(pairs)
        unmeasured = np.flatnonzero(kept & np.isnan(ratios))
        measured = np.flatnonzero(kept & ~np.isnan(ratios))
        if options.bound is not None:
            hard = measured[ratios[measured] < options.bound]
            reason = f"hard: its log-ratio is below {options.bound:g}"
        else:
            share = _SHARE if options.share is None else options.share
            easiest = ranked(pairs, measured, -ratios[measured])
            # A share such as 0.29 of 100 is 28.999… in floats.
            hard = easiest[len(easiest) - int(share * len(easiest) + 1e-9) :]
            reason = f"hard: its log-ratio is among the lowest {share:.3g} of all"
        kept[hard] = kept[unmeasured] = False
        order = by_gap(pairs, np.flatnonzero(kept & (pairs.gaps > 0.0)))
        dropped = [(unmeasured, UNMEASURED), (hard, reason)]
        return options.plan(pairs, order, even_cuts(len(order), len(options.names)), dropped)

    def _ratios(self, pairs: PairTable) -> NDArray[float64]:
        if self.options.per_token:
            chosen = pairs.chosen_logprobs / pairs.chosen_tokens
            return chosen - pairs.rejected_logprobs / pairs.rejected_tokens
        return pairs.chosen_logprobs - pairs.rejected_logprobs
