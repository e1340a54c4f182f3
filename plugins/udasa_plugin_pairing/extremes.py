"""Pairing `extremes`: the most reliable response over the least reliable one."""

from __future__ import annotations

from collections.abc import Sequence

from udasa_core import Group, Pair, Pairing, Plugin, Scores, hookimpl
from udasa_plugin_pairing.gaps import GapGuards
from udasa_plugin_pairing.guards import pair_each


class Extremes(Plugin):
    """At most one pair a prompt: chosen = argmin U, rejected = argmax U, gap = max U − min U, in (0, 1].

    Of equal U the earlier response is taken, on both sides. A gap of 0 never makes a pair, whatever
    `min_gap` is. Refusals are counted by reason: cut off while thinking, too few scored responses, truncated,
    identical responses, equal U, gap below min_gap, length ratio above max_length_ratio. Where the extreme
    pair is refused, the next best pair is not tried (see `Guards`). The seed is not used.
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
        # Both take the first of equal ones, and those stand in order of index.
        low, high = min(us, key=us.__getitem__), max(us, key=us.__getitem__)
        return self.options.pair(group, us, low, high, self.name)
