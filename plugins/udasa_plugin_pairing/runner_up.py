"""Pairing `runner-up`: the most reliable response over the one that comes right after it."""

from __future__ import annotations

from collections.abc import Sequence

from udasa_core import Group, Pair, Pairing, Plugin, Scores, hookimpl
from udasa_plugin_pairing.gaps import GapGuards
from udasa_plugin_pairing.guards import IDENTICAL, identical, pair_each


class RunnerUp(Plugin):
    """At most one pair a prompt: chosen = argmin U, rejected = the next more uncertain response that differs.

    Rejected is, of the responses whose U is above the chosen one's and whose text and tokens are others, the
    one with the lowest U; gap = its U − min U, in (0, 1]. The finest distinction that U makes among a
    prompt's responses, and so the least sure one: the opposite end from `extremes`. Of equal U the earlier
    response is taken, on both sides.

    Refusals are counted by reason: cut off while thinking, too few scored responses, truncated,
    identical responses (all that U tells apart from the chosen one), equal U, gap below min_gap, length ratio
    above max_length_ratio. A pair that a guard refuses is not replaced (see `Guards`). The seed is not used.
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
        above = [index for index in others if us[index] > us[low]]
        chosen = group.responses[low]
        high = next((index for index in above if not identical(chosen, group.responses[index])), None)
        return IDENTICAL if high is None else self.options.pair(group, us, low, high, self.name)
