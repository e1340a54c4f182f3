"""Pairing `thresholds`: a response that is certain enough over one that is uncertain enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from pydantic import Field, model_validator

from udasa_core import Group, Pair, Pairing, Plugin, Scores, hookimpl
from udasa_plugin_pairing.gaps import GapGuards
from udasa_plugin_pairing.guards import pair_each

NONE_CHOSEN = "no response at or below chosen_below"
NONE_REJECTED = "no response at or above rejected_above"


class Thresholds(Plugin):
    """At most one pair a prompt: chosen = argmin U where it is ≤ chosen_below, rejected = argmax U where it
    is ≥ rejected_above; gap = max U − min U, in (0, 1].

    The pairs are those of `extremes` whose both sides stand out in the whole run, not only within their
    prompt: a prompt that the policy is sure of throughout, or unsure of throughout, gives none. Under
    calibration `cdf` with one dimension the bounds are shares of all training responses.

    Of equal U the earlier response is taken, on both sides. Refusals are counted by reason: too few scored
    responses, truncated, identical responses, equal U, no response at or below chosen_below, no response at
    or above rejected_above, gap below min_gap, length ratio above max_length_ratio. A pair that a guard
    refuses is not replaced (see `Guards`). The seed is not used.
    """

    class Options(GapGuards):
        """How certain and how uncertain is enough."""

        chosen_below: float = Field(ge=0.0, le=1.0, description="The highest U of a chosen response.")
        rejected_above: float = Field(ge=0.0, le=1.0, description="The lowest U of a rejected response.")

        @model_validator(mode="after")
        def _ordered(self) -> Self:
            if self.chosen_below > self.rejected_above:
                raise ValueError(
                    f"chosen_below ({self.chosen_below:g}) must not be above rejected_above "
                    f"({self.rejected_above:g}): lower the one or raise the other"
                )
            return self

    options: Options
    label_free = True
    fills = ("gap", "chosen_U", "rejected_U")

    @hookimpl
    def udasa_pair(self, groups: Sequence[Group], scores: Sequence[Scores], seed: int) -> Pairing:
        return pair_each(groups, scores, self._pair)

    def _pair(self, group: Group, scores: Scores) -> Pair | str:
        """Return the prompt's pair, or the reason that it has none."""
        us = self.options.ranked(group, scores)
        if len(us) < 2:
            return self.options.too_few(group, scores)
        if untold := self.options.untold(group, us):
            return untold
        low, high = min(us, key=us.__getitem__), max(us, key=us.__getitem__)
        if us[low] > self.options.chosen_below:
            return NONE_CHOSEN
        if us[high] < self.options.rejected_above:
            return NONE_REJECTED
        return self.options.pair(group, us, low, high, self.name)
