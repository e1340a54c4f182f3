"""Pairing `contrastive`: a response asked for under a good hint over one under a bad hint (RLCD)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from udasa_core import Group, Message, Pairing, Plugin, Scores, hookimpl
from udasa_plugin_pairing.asked import AskingOptions, ask, pair_sides, under_own_prompts

Hint = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Contrastive(Plugin):
    """At most one pair a prompt: chosen = the policy's response under `positive`, rejected = its response
    under `negative`.

    Each hint is set behind the user's last turn, a blank line between. The pair has the prompt without hints,
    both sides the tokens that were sampled, and their log-probabilities and entropies under that prompt, by a
    teacher-forced pass. So a side may be unlikely there: the policy said it when told to.

    The K responses of the run play no part, nor does U: `gap` is None (a stage policy that goes by gaps drops
    such pairs unless told otherwise: `[stages] ungapped = "spread"`), and a side's U is known only where it
    is one of the K. Needs a generator that samples what it is asked (`recorded` does not take the prompts).

    Source: RLCD (Yang et al. 2023, arXiv 2307.12950), where hints stand in the assistant's turn, and pairs
    train a reward model; here they train the policy directly.

    Refusals are counted by reason: prompts that the generator does not take, cut off while thinking,
    truncated, identical responses (the hints changed nothing), empty response, a side has no score, length
    ratio above max_length_ratio, a response that does not fit behind the prompt. Cost: two responses a
    prompt, and a pass over each.
    """

    class Options(AskingOptions):
        """The guards, the hints, and how responses are drawn."""

        positive: Hint = Field(
            default="(Give a helpful, honest and harmless response.)",
            description="What is set behind the prompt of the chosen response.",
        )
        negative: Hint = Field(
            default="(Give an unhelpful, dishonest or harmful response.)",
            description="What is set behind the prompt of the rejected response.",
        )

        @model_validator(mode="after")
        def _differing(self) -> Contrastive.Options:
            if self.positive == self.negative:
                raise ValueError("positive and negative are one hint: word them so that they differ")
            return self

        @property
        def asks(self) -> Sequence[int]:
            """A response under each hint."""
            return (self.max_new_tokens,) * 2

    options: Options
    needs = ("generator",)
    label_free = True
    fills = ()

    @hookimpl
    def udasa_pair(self, groups: Sequence[Group], scores: Sequence[Scores], seed: int) -> Pairing:
        sampling = self.options.sampling
        chosen, rejected = (
            under_own_prompts(self.resources, groups, said)
            for said in [
                ask(self.resources, groups, [_hinted(group, hint) for group in groups], sampling, seed)
                for hint in (self.options.positive, self.options.negative)
            ]
        )
        return pair_sides(groups, scores, chosen, rejected, self.options, self.name)


def _hinted(group: Group, hint: str) -> tuple[Message, ...]:
    *before, last = group.prompt.messages
    return (*before, replace(last, content=f"{last.content}\n\n{hint}"))
