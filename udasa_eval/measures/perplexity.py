"""Perplexity: how surprised a causal language model is by a text, a token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from udasa_core import CausalLM, Metric, Resamples


@dataclass(frozen=True, slots=True)
class Surprise:
    """What a model made of one text: the sum of its tokens' log-probabilities, in nats (≤ 0), and how many
    tokens were scored."""

    logprob: float
    tokens: int

    @property
    def perplexity(self) -> float:
        """exp(−logprob / tokens), at least 1; lower is more fluent to the model. NaN without a token."""
        return perplexity([self]) if self.tokens else float("nan")


def perplexity(surprises: Sequence[Surprise]) -> float:
    """Return exp(−Σ log p / Σ tokens) over all tokens of all texts: every token weighs alike. At least 1.

    Raises ValueError where no token was scored. Source: Jelinek, Mercer, Bahl and Baker (1977).
    """
    tokens = sum(surprise.tokens for surprise in surprises)
    if not tokens:
        raise ValueError("no token was scored: a text needs two tokens at least, or a start token before it")
    return float(np.exp(-sum(surprise.logprob for surprise in surprises) / tokens))


def perplexity_metric(resamples: Resamples, name: str, surprises: Sequence[Surprise]) -> Metric:
    """Return the token-weighted perplexity with its interval, resampled by text; NaN without a token."""
    logprobs = np.array([surprise.logprob for surprise in surprises])
    tokens = np.array([surprise.tokens for surprise in surprises], dtype=np.float64)
    scored = int(np.count_nonzero(tokens))
    if not scored:
        return Metric(name, np.nan, np.nan, np.nan, 0)
    drawn, of = resamples.counts @ logprobs, resamples.counts @ tokens
    with np.errstate(invalid="ignore", divide="ignore"):
        resampled = np.exp(np.where(of > 0, -drawn / of, np.nan))
    return resamples.metric(name, perplexity(surprises), resampled, scored)


def text_surprise(model: CausalLM, text: str, window: int) -> Surprise:
    """Return what a model makes of a whole text, read in windows of at most `window` tokens (≥ 2).

    A text's first token is read after the tokenizer's start token, where the tokenizer puts one; otherwise
    it is not scored. No chat template is applied. A text of several windows is read with half a window of
    what came before in sight, so that each token is scored once. Windows are no longer than the model's
    context.
    """
    ids = model.encode(text)
    start = _start(model, text)
    ids = [*start, *ids]
    pieces = list(windows(len(ids), min(window, model.context_length)))
    prompts = [ids[first:begin] for first, begin, _ in pieces]
    responses = [ids[begin:end] for _, begin, end in pieces]
    return _sum(model, prompts, responses)


def continuation_surprise(model: CausalLM, beginning: str, continuation: str) -> Surprise:
    """Return what a model makes of a continuation after its beginning, as one plain text.

    Only the continuation's tokens are scored; no chat template is applied. Of a pair that is longer than the
    model's context the beginning loses its first tokens, then the continuation its last.
    """
    ids = model.encode(continuation)[: model.context_length - 1]
    before = [*_start(model, beginning), *model.encode(beginning)]
    if not before:
        before, ids = ids[:1], ids[1:]
    room = max(1, model.context_length - len(ids))
    return _sum(model, [before[-room:]], [ids])


def windows(tokens: int, window: int) -> Iterator[tuple[int, int, int]]:
    """Yield (first, begin, end): tokens [begin, end) are scored after [first, begin); end − first ≤ window.

    The token at 0 is never scored, every other one once. Raises ValueError for a window below 2.
    """
    if window < 2:
        raise ValueError(f"a window of {window} tokens scores nothing: take 2 or more")
    begin = 1
    while begin < tokens:
        first = 0 if begin == 1 else max(0, begin - window // 2)
        end = min(tokens, first + window)
        yield first, begin, end
        begin = end


def _sum(model: CausalLM, prompts: Sequence[list[int]], responses: Sequence[list[int]]) -> Surprise:
    scored = [(prompt, response) for prompt, response in zip(prompts, responses, strict=True) if response]
    if not scored:
        return Surprise(0.0, 0)
    found = model.token_statistics([prompt for prompt, _ in scored], [response for _, response in scored])
    # One token after the other, in float64: the sum does not depend on the windows' order.
    values = [value for statistics in found for value in statistics.logprobs]
    return Surprise(float(np.sum(np.array(values))), len(values))


def _start(model: CausalLM, text: str) -> list[int]:
    """Return the start token, if the tokenizer puts one before a text."""
    token = model.tokenizer.bos_token_id
    if token is None or model.tokenizer(text)["input_ids"][:1] != [token]:
        return []
    return [int(token)]
