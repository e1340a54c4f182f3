"""Pairing `judged`: two responses, of which the reader says which one is better (RLAIF)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Annotated

from pydantic import Field, StringConstraints

from udasa_core import (
    Group,
    Pair,
    Pairing,
    Plugin,
    Response,
    Scores,
    content_key,
    hookimpl,
    preference_margins,
)
from udasa_plugin_pairing.guards import IDENTICAL, identical, pair_each
from udasa_plugin_pairing.ungapped import UngappedGuards

UNDECIDED = "the reader is not sure enough: see min_preference"


class Judged(Plugin):
    """At most one pair a prompt: of two differing responses, drawn by the seed, the reader's better over its
    worse.

    Formula. With p_ij the reader's probability of yes to `ask` where response i stands first and j second,

        x_ij = ½ (logit p_ij − logit p_ji),   P(i better) = 1 / (1 + e^−x_ij)

    Both orders are read, so that what speaks for a place cancels. chosen is i where P is above ½, else j; a
    prompt where the better one's P is below `min_preference`, or ½, gives none. By default the reader is the
    frozen base model: the policy labels its own pairs. A small model's verdicts may be little but length and
    habit: look at some.

    Source: RLAIF (Lee et al. 2023, arXiv 2309.00267), where a model's preferences in both orders are averaged
    as probabilities and train a reward model; here log-odds are averaged, and pairs train the policy
    directly.

    U decides nothing (only a response without one is not paired), so `gap` is None: a stage policy that goes
    by gaps drops such pairs unless told otherwise (`[stages] ungapped = "spread"`). Refusals are counted by
    reason: cut off while thinking, too few scored responses, truncated, identical responses (all of them),
    empty response, length ratio above max_length_ratio, the reader is not sure enough. Cost: two readings of
    the prompt with two responses.
    """

    class Options(UngappedGuards):
        """The guards, what the reader is asked, and how sure it has to be."""

        ask: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = Field(
            default="Is the first response a better reply than the second response?",
            description="A yes/no question about two responses, called the first and the second; yes speaks "
            "for the first.",
        )
        min_preference: float = Field(
            default=0.5,
            ge=0.5,
            lt=1.0,
            description="The least probability that the chosen response is the better one. ½ itself gives no "
            "pair even at the default.",
        )

        @property
        def asks(self) -> Sequence[int]:
            """Both orders are read."""
            return (0, 0)

    options: Options
    needs = ("reader",)
    label_free = True
    fills = ("chosen_U", "rejected_U")

    @hookimpl
    def udasa_pair(self, groups: Sequence[Group], scores: Sequence[Scores], seed: int) -> Pairing:
        drawn = [self._drawn(group, scored, seed) for group, scored in zip(groups, scores, strict=True)]
        compared = [
            (group.prompt, both[0].text, both[1].text)
            for group, both in zip(groups, drawn, strict=True)
            if not isinstance(both, str)
        ]
        margins: list[float] = []
        if compared:
            reader = self.resources.reader()
            with self.resources.progress(self.name, len(compared)) as advance:
                for one in compared:
                    margins += preference_margins(reader, [one], self.options.ask)
                    advance(1)
        said = iter(margins)
        verdicts = {
            id(group): both if isinstance(both, str) else self._verdict(both, next(said))
            for group, both in zip(groups, drawn, strict=True)
        }

        def pair(group: Group, scored: Scores) -> Pair | str:
            verdict = verdicts[id(group)]
            if isinstance(verdict, str):
                return verdict
            return self.options.pair(group, scored, *verdict, self.name)

        return pair_each(groups, scores, pair)

    def _drawn(self, group: Group, scores: Scores, seed: int) -> tuple[Response, Response] | str:
        """Return two of the prompt's responses, or the reason that there are none to compare."""
        candidates = self.options.candidates(group, scores)
        if len(candidates) < 2:
            return self.options.too_few(group, scores)
        responses = group.responses
        differing = [
            (responses[i], responses[j])
            for i, j in combinations(candidates, 2)
            if not identical(responses[i], responses[j])
        ]
        if not differing:
            return IDENTICAL
        return differing[int(content_key("judged", seed, group.prompt.id), 16) % len(differing)]

    def _verdict(self, both: tuple[Response, Response], margin: float) -> tuple[Response, Response] | str:
        """Return the better and the worse response, or that the reader cannot tell."""
        preference = 1.0 / (1.0 + math.exp(-abs(margin)))
        if preference <= 0.5 or preference < self.options.min_preference:
            return UNDECIDED
        return both if margin > 0 else both[::-1]
