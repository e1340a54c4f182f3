"""Responses that somebody already has, given token statistics by a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from udasa_core.errors import UdasaError
from udasa_core.records import Group, Prompt

if TYPE_CHECKING:
    from udasa_core.models.causal_lm import CausalLM


def measured_group(
    lm: CausalLM, prompt: Prompt, prompt_token_ids: Sequence[int], texts: Sequence[str], end_of_turn: int
) -> Group:
    """Return a prompt's texts as a Group, their token statistics in nats by one teacher-forced pass of `lm`.

    prompt_token_ids: the prompt as the model is shown it (`lm.render`). A response's tokens are the model's
    tokenization of its text and `end_of_turn`, once: an end token that a text was recorded with is taken off,
    and any other control token in it is read as the text that it is. What it was sampled with is not known,
    so its sampling log-probabilities are the raw ones. A response that is longer than the context leaves is
    cut there, with finish reason "length". What it thought before it answers is split off; a text without the
    mark that ends a thought, to a prompt that opens one, is a thought that was cut off.

    Raises UdasaError where the prompt leaves no room for a token, or the tokenizer cannot read a control
    token as text.
    """
    room = lm.context_length - len(prompt_token_ids)
    if room < 1:
        raise UdasaError(
            f"prompt {prompt.id} has {len(prompt_token_ids)} tokens, and {lm.ref.source} attends to "
            f"{lm.context_end}: shorten it, or take a model with a longer context"
        )
    texts = [lm.unclosed(text, end_of_turn) for text in texts]
    try:
        whole = [[*lm.encode(text), end_of_turn] for text in texts]
    except ValueError as error:
        raise UdasaError(f"a response to prompt {prompt.id}: {error}; take it out") from error
    token_ids = [ids[:room] for ids in whole]
    statistics = lm.token_statistics([prompt_token_ids] * len(texts), token_ids)
    responses = tuple(
        lm.response(
            prompt_token_ids,
            ids,
            # What it was sampled with is not known.
            replace(figures, sampling_logprobs=figures.logprobs),
            "stop" if len(ids) == len(full) else "length",
            text=text if len(ids) == len(full) else None,
        )
        for text, full, ids, figures in zip(texts, whole, token_ids, statistics, strict=True)
    )
    return Group(prompt, tuple(prompt_token_ids), responses, lm.ref.key)
