"""Pairing `revised`: the policy's own revision, after its own critique, over its first response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, StringConstraints

from udasa_core import Group, Message, Pairing, Plugin, Response, Scores, content_key, hookimpl
from udasa_plugin_pairing.asked import AskingOptions, ask, pair_sides, under_own_prompts

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Revised(Plugin):
    """At most one pair a prompt: chosen = the revision of a response, rejected = that response.

    The first of the prompt's responses that may be paired is shown to the policy, which is asked for a
    critique of it by a principle, and then for a revision:

        <the prompt>, <the response>, `critique` and the principle → critique
        <all of this>, `revise` → revision

    `revisions` times over, each of the last revision and by another draw from `principles`. The principle is
    drawn by the seed, the prompt's id and the round. Of the pair the rejected side is as it was sampled; the
    chosen one has the tokens of the revision as they were sampled, its opening words included ("Here is …"),
    and their log-probabilities and entropies under the prompt alone, by a teacher-forced pass. A small policy
    revises little for the better: look at some.

    U decides nothing (only a response without one is not paired): `gap` is None, so a stage policy that goes
    by gaps drops such pairs unless told otherwise (`[stages] ungapped = "spread"`), and the chosen side has
    no U. With trainer `sft` it learns from the revisions alone. Needs a generator that samples what it is
    asked (`recorded` does not take the prompts).

    Source: Constitutional AI (Bai et al. 2022, arXiv 2212.08073), section 3, which fine-tunes on revisions;
    pairs of a revision over its original are ours.

    Refusals are counted by reason: cut off while thinking, too few scored responses, truncated, prompts that
    the generator does not take, identical responses (nothing was revised), empty response, a side has no
    score, length ratio above max_length_ratio, a revision that does not fit behind the prompt. Cost: two
    responses a prompt and revision, and a pass over the last.
    """

    class Options(AskingOptions):
        """The guards, the principles, what is asked, and how it is drawn."""

        principles: tuple[Text, ...] = Field(
            default=(
                "It should be correct, and say so where it is not sure.",
                "It should answer what was asked, clearly and without needless words.",
                "It should harm nobody, and help nobody to do harm.",
            ),
            min_length=1,
            description="What a response is criticised by; one is drawn for each critique.",
        )
        critique: Text = Field(
            default="What is wrong with your last response? Judge it by this: {principle}",
            description="The request for a critique; {principle} stands for the principle.",
        )
        revise: Text = Field(
            default="Now write your response again, better. Write the response alone, without any comment.",
            description="The request for a revision; {principle} stands for the principle.",
        )
        revisions: int = Field(default=1, ge=1, description="How many times a response is revised.")

        @property
        def asks(self) -> Sequence[int]:
            """A critique and a revision, each time."""
            return (self.max_new_tokens,) * 2 * self.revisions

    options: Options
    needs = ("generator",)
    label_free = True
    fills = ("rejected_U",)

    @hookimpl
    def udasa_pair(self, groups: Sequence[Group], scores: Sequence[Scores], seed: int) -> Pairing:
        firsts = [self._first(group, scored) for group, scored in zip(groups, scores, strict=True)]
        revised: list[Response | None] = [None if isinstance(one, str) else one for one in firsts]
        for number in range(self.options.revisions):
            revised = self._revised(groups, revised, number, seed)
        measured = under_own_prompts(self.resources, groups, revised)
        # Where there was nothing to revise, that is the reason.
        chosen = [
            first if isinstance(first, str) else one for first, one in zip(firsts, measured, strict=True)
        ]
        return pair_sides(groups, scores, chosen, firsts, self.options, self.name)

    def _first(self, group: Group, scores: Scores) -> Response | str:
        """Return the response that is to be revised, or the reason that there is none."""
        candidates = self.options.candidates(group, scores)
        return group.responses[candidates[0]] if candidates else self.options.too_few(group, scores)

    def _revised(
        self, groups: Sequence[Group], responses: Sequence[Response | None], number: int, seed: int
    ) -> list[Response | None]:
        """Return each response's revision; None where there is none, or the generator does not take it."""
        principles = [self._principle(group, number, seed) for group in groups]
        asked = [
            None
            if response is None
            else (*group.prompt.messages, *_turns(response.text, self.options.critique, principle))
            for group, response, principle in zip(groups, responses, principles, strict=True)
        ]
        critiques = ask(self.resources, groups, asked, self.options.sampling, seed)
        asked = [
            None
            if messages is None or critique is None
            else (*messages, *_turns(critique.text, self.options.revise, principle))
            for messages, critique, principle in zip(asked, critiques, principles, strict=True)
        ]
        return ask(self.resources, groups, asked, self.options.sampling, seed)

    def _principle(self, group: Group, number: int, seed: int) -> str:
        principles = self.options.principles
        return principles[int(content_key("revised", seed, group.prompt.id, number), 16) % len(principles)]


def _turns(said: str, request: str, principle: str) -> tuple[Message, Message]:
    """Return what the policy said as its turn, and what it is asked then."""
    return Message("assistant", said), Message("user", request.replace("{principle}", principle))
