"""Pairing `random`: the baseline that every strategy must beat."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

from udasa_core import Group, Pair, Pairing, Plugin, Scores, content_key, hookimpl
from udasa_plugin_pairing.guards import IDENTICAL, identical, pair_each
from udasa_plugin_pairing.ungapped import UngappedGuards


class RandomPairs(Plugin):
    """At most one pair a prompt: two differing responses and their order, all draws alike likely.

    U decides nothing (only a response without one is left out, so that strategies choose from the same
    responses). Hence `gap` is None; U of both sides is recorded. Stage policies set such pairs aside unless
    told otherwise: `[stages] ungapped = "spread"`.

    The draw depends on the seed (which follows from the run's seed and the shard's number), the prompt's id
    and the prompt's own responses. Refusals are counted by reason: cut off while thinking, too few
    scored responses, truncated, identical responses (all of them), length ratio above max_length_ratio. A
    drawn pair that a guard refuses is not drawn again.
    """

    Options = UngappedGuards
    options: UngappedGuards
    label_free = True
    fills = ("chosen_U", "rejected_U")

    @hookimpl
    def udasa_pair(self, groups: Sequence[Group], scores: Sequence[Scores], seed: int) -> Pairing:
        return pair_each(groups, scores, lambda group, scored: self._pair(group, scored, seed))

    def _pair(self, group: Group, scores: Scores, seed: int) -> Pair | str:
        """Return the prompt's pair, or the reason that it has none."""
        candidates = self.options.candidates(group, scores)
        if len(candidates) < 2:
            return self.options.too_few(group, scores)
        responses = group.responses
        ordered = [
            (i, j) for i, j in permutations(candidates, 2) if not identical(responses[i], responses[j])
        ]
        if not ordered:
            return IDENTICAL
        # A hash rather than a generator: it is the same in every version of every library.
        first, second = ordered[int(content_key("random", seed, group.prompt.id), 16) % len(ordered)]
        return self.options.pair(group, scores, responses[first], responses[second], self.name)
