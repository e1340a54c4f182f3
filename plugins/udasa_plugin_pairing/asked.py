"""What strategies ask of the policy beside its K responses: further ones, to prompts of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pydantic import Field

from udasa_core import Group, Message, Pair, Pairing, Prompt, Resources, Response, SamplingOptions, Scores
from udasa_plugin_pairing.guards import pair_each
from udasa_plugin_pairing.ungapped import UngappedGuards

NOT_TAKEN = "the generator does not take what the policy is asked"
TOO_LONG = "a response from another prompt does not fit behind this one"


class AskingOptions(UngappedGuards):
    """The guards, and how the policy's further responses are drawn."""

    temperature: float = Field(default=0.7, gt=0, description="The temperature of what the policy is asked.")
    max_new_tokens: int = Field(
        default=128, ge=1, description="The token budget of each response that the policy is asked for."
    )

    @property
    def sampling(self) -> SamplingOptions:
        """How the one response to each prompt is drawn."""
        return SamplingOptions(1, self.temperature, self.max_new_tokens)


def ask(
    resources: Resources,
    groups: Sequence[Group],
    conversations: Sequence[tuple[Message, ...] | None],
    sampling: SamplingOptions,
    seed: int,
) -> list[Response | None]:
    """Return the policy's response to each group's conversation, its tokens and figures as they were sampled;
    None where there is no conversation, or the generator does not take it. The store keeps what was asked."""
    asked = [
        Prompt(group.prompt.id, messages)
        for group, messages in zip(groups, conversations, strict=True)
        if messages is not None
    ]
    if not asked:
        return [None] * len(groups)
    policy = resources.policy(groups[0].policy)
    said = iter(resources.generator()(asked, sampling, policy, seed))
    answers = [None if messages is None else next(said) for messages in conversations]
    return [None if answer is None else answer.responses[0] for answer in answers]


def under_own_prompts(
    resources: Resources, groups: Sequence[Group], responses: Sequence[Response | None]
) -> list[Response | str]:
    """Return responses to other prompts as what they are to the groups' own: the tokens that were sampled,
    with their figures by a teacher-forced pass of the policy over the group's prompt and them.

    No text is tokenised again. What they would have been sampled with is not known, so their sampling
    log-probabilities are the raw ones. Where there is no response, its reason: `NOT_TAKEN`, or `TOO_LONG`
    where it goes beyond the context.
    """
    if not any(responses):
        return [NOT_TAKEN] * len(responses)
    lm = resources.causal_lm(resources.policy(groups[0].policy))
    found: list[Response | str] = []
    with resources.progress("measure under the plain prompt", len(groups)) as advance:
        for group, response in zip(groups, responses, strict=True):
            advance(1)
            if response is None:
                found.append(NOT_TAKEN)
            elif len(group.prompt_token_ids) + len(response.token_ids) > lm.context_length:
                found.append(TOO_LONG)
            else:
                (figures,) = lm.token_statistics([group.prompt_token_ids], [response.token_ids])
                found.append(
                    replace(
                        response,
                        logprobs=figures.logprobs,
                        sampling_logprobs=figures.logprobs,
                        entropies=figures.entropies,
                    )
                )
    return found


def pair_sides(
    groups: Sequence[Group],
    scores: Sequence[Scores],
    chosen: Sequence[Response | str],
    rejected: Sequence[Response | str],
    options: UngappedGuards,
    origin: str,
) -> Pairing:
    """Return the pair of each group's two sides. A side may be the reason that there is none, which is told
    then, the chosen side's first."""
    sides = {id(group): both for group, *both in zip(groups, chosen, rejected, strict=True)}

    def pair(group: Group, scored: Scores) -> Pair | str:
        good, bad = sides[id(group)]
        if isinstance(good, str):
            return good
        if isinstance(bad, str):
            return bad
        return options.pair(group, scored, good, bad, origin)

    return pair_each(groups, scores, pair)
