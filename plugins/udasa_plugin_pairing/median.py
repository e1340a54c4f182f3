"""Pairing `median`: the most reliable response over a middling one."""

from __future__ import annotations

from collections.abc import Sequence

from udasa_core import Group, Pair, Pairing, Plugin, Scores, hookimpl
from udasa_plugin_pairing.gaps import GapGuards
from udasa_plugin_pairing.guards import pair_each


class Median(Plugin):
    """At most one pair a prompt: chosen = argmin U, rejected = the response at the median U of the others.

    The m others in ascending order of U (of equal ones the earlier first), rejected is number ⌊m/2⌋ counted
    from 0: the middle one, and of two middle ones the more uncertain. gap = its U − min U, in (0, 1]. What
    the policy typically says, where `extremes` takes what it says at worst (which may be a truncation or
    gibberish).

    Refusals are counted by reason: cut off while thinking, too few scored responses, truncated,
    identical responses (half of the others are often the chosen one over again), equal U, gap below min_gap,
    length ratio above max_length_ratio. A pair that a guard refuses is not replaced (see `Guards`). The seed
    is not used.
    """

    Options = GapGuards
    options: GapGuards
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
        low, *others = us
        return self.options.pair(group, us, low, others[len(others) // 2], self.name)
