"""Pairing `extremes`: the most reliable response over the least reliable one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from udasa_core import Abstain, Group, Pair, Pairing, Resources, Scores, hookimpl
from udasa_plugin_pairing.guards import SMALL_GAP, Guards, pair_each


class Extremes:
    """At most one pair a prompt: chosen = argmin U, rejected = argmax U, gap = max U − min U, in (0, 1].

    Of equal U the earlier response is taken, on both sides. A gap of 0 never makes a pair, whatever
    `min_gap` is. Refusals are counted by reason: too few scored responses, truncated, identical responses,
    gap below min_gap, length ratio above max_length_ratio. Where the extreme pair is refused, the next
    best pair is not tried (see `Guards`). The seed is not used.
    """

    class Options(Guards):
        """Which extreme pairs are good enough."""

        min_gap: float = Field(
            default=0.0,
            ge=0.0,
            le=1.0,
            description="Refuse a pair whose gap is smaller. A gap of 0 is refused even at the default.",
        )

    needs: ClassVar[tuple[str, ...]] = ()
    label_free: ClassVar[bool] = True

    def __init__(self, options: Options, name: str, resources: Resources) -> None:
        self.options = options
        self.name = name

    @hookimpl
    def udasa_pair(self, groups: Sequence[Group], scores: Sequence[Scores], seed: int) -> Pairing:
        return pair_each(groups, scores, self._pair)

    def _pair(self, group: Group, scores: Scores) -> Pair | str:
        """Return the prompt's pair, or the reason that it has none."""
        us = {
            index: u
            for index in self.options.candidates(group, scores)
            if not isinstance(u := scores.U[index], Abstain)
        }
        if len(us) < 2:
            return self.options.too_few(scores)
        low, high = min(us, key=us.__getitem__), max(us, key=us.__getitem__)
        chosen, rejected = group.responses[low], group.responses[high]
        gap = us[high] - us[low]
        reason = self.options.refuse(chosen, rejected) if low != high else SMALL_GAP
        if reason is None and (gap <= 0.0 or gap < self.options.min_gap):
            reason = SMALL_GAP
        if reason is not None:
            return reason
        return Pair(
            prompt=group.prompt,
            prompt_token_ids=group.prompt_token_ids,
            chosen=chosen,
            rejected=rejected,
            gap=gap,
            chosen_U=us[low],
            rejected_U=us[high],
            origin=self.name,
        )
