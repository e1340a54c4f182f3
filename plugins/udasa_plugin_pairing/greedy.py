"""Pairing `greedy`: the policy's greedy answer over another response; for plain supervised fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from udasa_core import (
    Group,
    Pair,
    Pairing,
    Plugin,
    Response,
    SamplingOptions,
    Scores,
    UdasaError,
    content_key,
    hookimpl,
)
from udasa_plugin_pairing.asked import NOT_TAKEN, ask
from udasa_plugin_pairing.guards import IDENTICAL, identical, pair_each
from udasa_plugin_pairing.ungapped import UngappedGuards

# Drawn from the likeliest alone, a token had probability 1. A share of others is let pass: those that tie,
# and those that are likeliest by a server's arithmetic and not by ours.
_SURE = -1e-3
_LET_PASS = 0.25


class Greedy(Plugin):
    """At most one pair a prompt: chosen = what the policy says greedily, rejected = the first of its K
    responses, by a draw, that is another one.

    Made for trainer `sft`, which learns from the chosen response alone: with it, this is supervised
    fine-tuning on the policy's own greedy answers. A preference loss would push down whichever response was
    drawn. Greedy is top_k = 1: each token is the likeliest; of tokens that tie one is drawn, by the seed.
    A small model's greedy answer may repeat itself until its budget ends: `truncated = "exclude"` leaves such
    prompts out.

    U decides nothing, so `gap` is None (a stage policy that goes by gaps drops such pairs unless told
    otherwise: `[stages] ungapped = "spread"`); U of a side is recorded where that response was scored. Needs
    a generator that samples when it is asked (`recorded` does not, which is an error).

    Refusals are counted by reason: cut off while thinking, too few scored responses, truncated, identical
    responses (the policy says nothing but its greedy answer), a side has no score, empty response, length
    ratio above max_length_ratio, prompts that the generator does not take. Cost: one response a prompt.
    """

    class Options(UngappedGuards):
        """The guards, and how long a greedy answer may be."""

        max_new_tokens: int = Field(default=128, ge=1, description="The token budget of the greedy answer.")

        @property
        def asks(self) -> Sequence[int]:
            """The greedy answer."""
            return (self.max_new_tokens,)

    options: Options
    needs = ("generator",)
    label_free = True
    fills = ("rejected_U",)

    @hookimpl
    def udasa_pair(self, groups: Sequence[Group], scores: Sequence[Scores], seed: int) -> Pairing:
        # The temperature changes no figure where one token is left to draw from.
        sampling = SamplingOptions(1, 1.0, self.options.max_new_tokens, top_k=1)
        said = ask(self.resources, groups, [group.prompt.messages for group in groups], sampling, seed)
        self._check_greedy([one for one in said if one is not None])
        answers = dict(zip(map(id, groups), said, strict=True))
        return pair_each(
            groups, scores, lambda group, scored: self._pair(group, scored, answers[id(group)], seed)
        )

    def _check_greedy(self, said: Sequence[Response]) -> None:
        """Raise UdasaError where the generator gives something else: recorded responses, say."""
        drawn = [logprob for one in said for logprob in one.sampling_logprobs]
        if sum(logprob < _SURE for logprob in drawn) > _LET_PASS * len(drawn):
            raise UdasaError(
                f"pairing {self.name!r}: what [generator] gives for greedy answers was not decoded greedily: "
                "it does not sample when it is asked, or its server takes no top_k. Name another: "
                'use = "transformers"'
            )

    def _pair(self, group: Group, scores: Scores, greedy: Response | None, seed: int) -> Pair | str:
        """Return the prompt's pair, or the reason that it has none."""
        if greedy is None:
            return NOT_TAKEN
        candidates = [group.responses[index] for index in self.options.candidates(group, scores)]
        others = [response for response in candidates if not identical(greedy, response)]
        if not others:
            return IDENTICAL if candidates else self.options.too_few(group, scores)
        rejected = others[int(content_key("greedy", seed, group.prompt.id), 16) % len(others)]
        return self.options.pair(group, scores, greedy, rejected, self.name)
