"""From a server's choices to a Group: the policy's own tokens, and their figures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from udasa_core import CausalLM, Group, Prompt, SamplingOptions, TokenStatistics, told_statistics
from udasa_plugin_openai.completion import Choice
from udasa_plugin_openai.served import Logprobs, aligned, reconciled


@dataclass(frozen=True, slots=True)
class _Tokens:
    """A choice's tokens: as many as fit in the context, and whether the response ends with them."""

    ids: tuple[int, ...]
    text: str
    is_whole: bool


def grouped(
    lm: CausalLM,
    prompt: Prompt,
    rendered: Sequence[int],
    choices: Sequence[Choice],
    sampling: SamplingOptions,
    end_of_turn: int,
) -> tuple[Group, Logprobs]:
    """Return the group of a prompt (rendered: its token ids) with one response a choice, and how it was
    measured: one teacher-forced pass, and the server's log-probabilities where they are the policy's."""
    budget = sampling.max_new_tokens + (sampling.thinking_tokens or 0)
    tokens = [_tokens(lm, rendered, choice, budget, end_of_turn) for choice in choices]
    statistics = lm.token_statistics(
        [rendered] * len(tokens),
        [told.ids for told in tokens],
        sampling.temperature,
        sampling.top_p,
        sampling.top_k,
    )
    found = [
        aligned(lm, choice.tokens, told.ids, end_of_turn)
        for choice, told in zip(choices, tokens, strict=True)
    ]
    served = [logprobs for logprobs in found if logprobs is not None]
    # All responses of a prompt by one measure: they are compared with one another.
    measured = reconciled(statistics, served if len(served) == len(found) else None)
    responses = tuple(
        lm.response(
            rendered,
            told.ids,
            TokenStatistics(
                measured.logprobs[place], measured.sampling_logprobs[place], statistics[place].entropies
            ),
            "stop" if told.is_whole else "length",
            text=told.text,
        )
        for place, told in enumerate(tokens)
    )
    return Group(prompt, tuple(rendered), responses, lm.ref.key), measured


def told_group(
    lm: CausalLM,
    prompt: Prompt,
    rendered: Sequence[int],
    choices: Sequence[Choice],
    sampling: SamplingOptions,
    stops: Collection[int],
) -> Group | None:
    """Return the group of a prompt whose choices tell their tokens and each one's log-probability, as the
    server told them: nothing is read here. None where a choice does not tell all of that."""
    if not all(_is_told(choice, stops) for choice in choices):
        return None
    responses = tuple(
        lm.response(
            rendered,
            choice.token_ids or (),
            told_statistics([token.logprob for token in choice.tokens or ()], sampling),
            "stop" if choice.finish_reason == "stop" else "length",
        )
        for choice in choices
    )
    return Group(prompt, tuple(rendered), responses, lm.ref.key)


def _is_told(choice: Choice, stops: Collection[int]) -> bool:
    ids, tokens = choice.token_ids, choice.tokens
    if ids is None or tokens is None or len(ids) != len(tokens):
        return False
    return choice.finish_reason == ("stop" if ids[-1] in stops else "length")


def _tokens(lm: CausalLM, rendered: Sequence[int], choice: Choice, budget: int, end_of_turn: int) -> _Tokens:
    """Return the policy's tokens of a choice, as many as the context takes, its thought before it."""
    room = lm.context_length - len(rendered)
    given = choice.text or ""
    if choice.thought:
        cut = not given and choice.finish_reason == "length"
        given = lm.spelled(rendered, choice.thought, None if cut else given)
    text = lm.unclosed(given, end_of_turn)
    ids = lm.encode(text)
    # A server that gives another reason, or none, is judged by the length.
    says_nothing = choice.finish_reason not in ("stop", "length")
    stopped = choice.finish_reason == "stop" or text != given or (says_nothing and len(ids) < budget)
    whole = [*ids, end_of_turn] if stopped else ids
    if len(whole) <= room:
        return _Tokens(tuple(whole), text, stopped)
    return _Tokens(tuple(whole[:room]), lm.decode(whole[:room]), False)
