"""What a model thinks of tokens that it did not choose: statistics of given responses."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from udasa_core.models.cache_use import cache_use
from udasa_core.models.last_logits import last_logits
from udasa_core.models.next_tokens import NextTokens
from udasa_core.models.positions import refuse_longer

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from udasa_core.records import SamplingOptions

# What one pass holds at most: responses side by side, and logits in a slice (32 MiB in float32, twice).
_ROWS = 16
_LOGITS = 2**23


@dataclass(frozen=True, slots=True)
class TokenStatistics:
    """Statistics of one response's T tokens, in nats.

    logprobs: T log-probabilities under the model's raw distribution.
    sampling_logprobs: T of them under the tempered and filtered one; -inf where that excludes a token.
    entropies: T entropies of the full raw distribution; None where nobody told them.
    """

    logprobs: tuple[float, ...]
    sampling_logprobs: tuple[float, ...]
    entropies: tuple[float, ...] | None


def told_statistics(
    logprobs: Sequence[float],
    sampling: SamplingOptions,
    read: TokenStatistics | None = None,
    forced: Sequence[int] = (),
) -> TokenStatistics:
    """Return the statistics of a response whose raw log-probabilities another program tells, in nats.

    read: what a model here makes of it, for its entropies and for what it was sampled with; None: it has no
    entropies, and its sampling log-probabilities are 0 where it was decoded greedily (top_k = 1), and the
    raw ones otherwise, which they are at temperature 1 with nothing filtered alone. forced: as `Response`
    has it: nothing was drawn there.
    """
    # Rounding may put a sure token a hair above 0.
    raw = tuple(min(0.0, logprob) for logprob in logprobs)
    if sampling.top_k == 1:
        tempered = [0.0] * len(raw)
    elif read is None:
        tempered = list(raw)
    else:
        # Where this machine's arithmetic would not have let a token pass the filter, the raw figure stands.
        pairs = zip(read.sampling_logprobs, raw, strict=True)
        tempered = [given if math.isfinite(given) else plain for given, plain in pairs]
    for place in forced:
        tempered[place] = 0.0
    return TokenStatistics(raw, tuple(tempered), None if read is None else read.entropies)


def forced_statistics(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    responses: Sequence[Sequence[int]],
    temperature: float,
    top_p: float,
    top_k: int,
) -> list[TokenStatistics]:
    """Return the statistics of each response after its prompt (see `CausalLM.token_statistics`).

    A model that cannot go on from a cache (a recurrent state, say) reads each sequence whole.
    """
    together = _ROWS if cache_use(model).goes_on else 1
    sharing: dict[tuple[int, ...], list[int]] = {}
    for index, (prompt, response) in enumerate(zip(prompts, responses, strict=True)):
        if not prompt or not response:
            raise ValueError(f"sequence {index}: a prompt and a response have at least one token each")
        sharing.setdefault(tuple(prompt), []).append(index)
    pairs = zip(prompts, responses, strict=True)
    refuse_longer(model, max((len(prompt) + len(response) for prompt, response in pairs), default=0))
    found: dict[int, TokenStatistics] = {}
    for prompt, indices in sharing.items():
        # Longest first: the rows that are over are always the last ones.
        indices.sort(key=lambda index: -len(responses[index]))
        for start in range(0, len(indices), together):
            some = indices[start : start + together]
            rows = [responses[index] for index in some]
            found.update(zip(some, _statistics(model, prompt, rows, temperature, top_p, top_k), strict=True))
    return [found[index] for index in range(len(prompts))]


def _statistics(
    model: PreTrainedModel,
    prompt: Sequence[int],
    responses: Sequence[Sequence[int]],
    temperature: float,
    top_p: float,
    top_k: int,
) -> list[TokenStatistics]:
    """Score responses, longest first, to one prompt."""
    import torch

    lengths = [len(response) for response in responses]
    given = torch.zeros(len(responses), lengths[0], dtype=torch.long)
    for row, response in zip(given, responses, strict=True):
        row[: len(response)] = torch.tensor(response)
    given = given.to(model.device)
    # (logprobs, sampling_logprobs, entropies) × response × position
    figures = torch.zeros(3, *given.shape)
    start = 0
    with torch.inference_mode():
        for logits in _slices(model, prompt, given, lengths):
            # The first slice is one distribution for all responses; later ones are (rows, positions, V).
            shared = start == 0
            rows, count = (len(given), 1) if shared else logits.shape[:2]
            tokens = given[:rows, start : start + count]
            flat = tokens.reshape(1, -1) if shared else tokens.reshape(-1, 1)
            distributions = NextTokens(logits.flatten(0, -2), temperature, top_p, top_k)
            for figure, values in zip(
                figures,
                (
                    distributions.logprobs(flat),
                    distributions.sampling_logprobs(flat),
                    distributions.entropies.expand(rows * count),
                ),
                strict=True,
            ):
                figure[:rows, start : start + count] = values.reshape(rows, count).cpu()
            start += count
    return [
        TokenStatistics(*(tuple(figure[row, :length].tolist()) for figure in figures))
        for row, length in enumerate(lengths)
    ]


def _slices(
    model: PreTrainedModel, prompt: Sequence[int], given: Tensor, lengths: Sequence[int]
) -> Iterator[Tensor]:
    """Yield the logits of the first token (1, V), then of the following ones (rows left, positions, V).

    Rows are padded after their end, where no earlier token looks, and leave once they are over.
    """
    import torch
    from transformers import DynamicCache

    if not cache_use(model).goes_on:
        whole = torch.cat([torch.tensor([list(prompt)], device=model.device), given[:, :-1]], dim=1)
        logits = model(whole, use_cache=False).logits[:, len(prompt) - 1 :]
        yield logits[:, 0].clone()
        if given.shape[1] > 1:
            yield logits[:, 1:]
        return
    cache = DynamicCache(config=model.config)
    ids = torch.tensor([list(prompt)], device=model.device)
    logits = last_logits(model, ids, past_key_values=cache, use_cache=True)
    vocabulary = logits.shape[-1]
    yield logits
    rows, width = given.shape
    if width > 1:
        cache.batch_repeat_interleave(rows)
    start = 0
    while start < width - 1:
        left = sum(length > start + 1 for length in lengths)
        if left < rows:
            rows = left
            cache.batch_select_indices(torch.arange(rows, device=model.device))
        stop = min(start + max(1, _LOGITS // (rows * vocabulary)), width - 1)
        yield model(given[:rows, start:stop], past_key_values=cache, use_cache=True).logits
        start = stop
