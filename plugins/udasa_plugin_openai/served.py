"""Log-probabilities that a server gives, and which of ours they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from udasa_core import CausalLM, TokenStatistics
from udasa_plugin_openai.completion import ServerToken

# Nats a token: what rounding and kernels never make; another model, quantisation or template does.
FAR = 0.5

Figures = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Logprobs:
    """The log-probabilities of one prompt's responses, in nats: raw ones, and those sampled from.

    by_server: "raw" or "sampling" where the server's own stand there, "" where both are the local policy's.
    distance: mean absolute difference a token between the server's and the local ones; None without them.
    """

    logprobs: tuple[tuple[float, ...], ...]
    sampling_logprobs: tuple[tuple[float, ...], ...]
    by_server: str
    distance: float | None


def reconciled(statistics: Sequence[TokenStatistics], served: Figures | None) -> Logprobs:
    """Put a server's log-probabilities (None: it gives none) in the place of those that they are.

    Servers differ in what they give: vLLM and llama.cpp by default the raw distribution's, SGLang the
    tempered one's. They are whichever of the local policy's they are nearer to; none, where they are further
    than `FAR` from both.
    """
    raw = tuple(response.logprobs for response in statistics)
    # Where this machine's arithmetic would not have let a token pass the filter, the raw figure stands.
    sampling = tuple(
        tuple(
            tempered if math.isfinite(tempered) else plain
            for tempered, plain in zip(response.sampling_logprobs, response.logprobs, strict=True)
        )
        for response in statistics
    )
    if served is None:
        return Logprobs(raw, sampling, "", None)
    given = tuple(tuple(logprobs) for logprobs in served)
    to_raw, to_sampling = _distance(given, raw), _distance(given, sampling)
    nearest = min(to_raw, to_sampling)
    if nearest > FAR:
        return Logprobs(raw, sampling, "", nearest)
    if to_sampling < to_raw:
        return Logprobs(raw, given, "sampling", nearest)
    return Logprobs(given, sampling, "raw", nearest)


def _distance(given: Figures, other: Figures) -> float:
    pairs = [pair for a, b in zip(given, other, strict=True) for pair in zip(a, b, strict=True)]
    return math.fsum(abs(a - b) for a, b in pairs) / len(pairs)


def aligned(
    lm: CausalLM, tokens: Sequence[ServerToken] | None, ids: Sequence[int], end_of_turn: int
) -> list[float] | None:
    """Return the server's log-probability of each of our tokens; None where its tokens are not ours.

    They are where there are as many and each is spelled alike; the token that ends a turn, which a server may
    spell as nothing, has to be among them.
    """
    if tokens is None or len(tokens) != len(ids):
        return None
    for place, (token, token_id) in enumerate(zip(tokens, ids, strict=True)):
        ends = place == len(ids) - 1 and token_id == end_of_turn
        if token.text != lm.tokenizer.decode([token_id]) and not (ends and token.text == ""):
            return None
    return [token.logprob for token in tokens]
