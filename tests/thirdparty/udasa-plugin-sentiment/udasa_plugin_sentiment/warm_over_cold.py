"""Pairing `sentiment.warm-over-cold`: a warm response over a cold one, where U agrees."""

from __future__ import annotations

from collections.abc import Sequence

from udasa_core import Group, Pair, Pairing, Plugin, Scores, Unpaired, hookimpl
from udasa_plugin_sentiment.lexicon import Lexicon, sentiment


class WarmOverCold(Plugin):
    """At most one pair a prompt: chosen = argmin U of the warm responses (s > 0), rejected = argmax U of the
    cold ones (s < 0), gap = U(rejected) − U(chosen), which has to be positive.

    Of equal U the earlier response is taken. Responses without a U, without an answer, or cut off are left
    out. The seed is not used.
    """

    Options = Lexicon.Options
    options: Lexicon.Options
    label_free = True
    fills = ("gap", "chosen_U", "rejected_U")

    @hookimpl
    def udasa_pair(self, groups: Sequence[Group], scores: Sequence[Scores], seed: int) -> Pairing:
        """Return a pair, or the reason why there is none, for each prompt."""
        made = [self._pair(group, own) for group, own in zip(groups, scores, strict=True)]
        return Pairing(
            tuple(one for one in made if isinstance(one, Pair)),
            tuple(one for one in made if isinstance(one, Unpaired)),
        )

    def _pair(self, group: Group, scores: Scores) -> Pair | Unpaired:
        told = [
            (response, u, sentiment(response.text, self.options) or 0.0)
            for response, u in zip(group.responses, scores.U, strict=True)
            if isinstance(u, float) and response.has_answer and response.finish_reason == "stop"
        ]
        warm = [(response, u) for response, u, s in told if s > 0]
        cold = [(response, u) for response, u, s in told if s < 0]
        if not warm or not cold:
            return Unpaired(group.prompt.id, "no warm response" if not warm else "no cold response")
        chosen, low = min(warm, key=lambda one: one[1])
        rejected, high = max(cold, key=lambda one: one[1])
        if high <= low:
            return Unpaired(group.prompt.id, "the warm response is no more certain than the cold one")
        return Pair(
            prompt=group.prompt,
            prompt_token_ids=group.prompt_token_ids,
            chosen=chosen,
            rejected=rejected,
            gap=high - low,
            chosen_U=low,
            rejected_U=high,
            origin=self.name,
        )
