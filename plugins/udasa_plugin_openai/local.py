"""Sampling on this machine, for a policy that no server serves: the one that a run has just trained."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from transformers import DynamicCache

from udasa_core import (
    CausalLM,
    Response,
    SamplingOptions,
    TokenStatistics,
    UdasaError,
    cache_use,
    refuse_longer,
)


def sample_locally(
    lm: CausalLM, prompt: Sequence[int], sampling: SamplingOptions, seed: int, stops: Collection[int]
) -> list[Response]:
    """Return K responses to one prompt (token ids), decoded side by side.

    stops: the tokens that end a response. Figures are computed as tokens are drawn. Each response draws
    from uniforms fixed by the seed and its place. For any causal language model of transformers whose
    cache can be copied row by row; raises UdasaError for another, and where prompt and response would be
    longer than the model's positions reach.
    """
    if not cache_use(lm.model).goes_on:
        raise UdasaError(
            f"a trained {lm.model.config.model_type} model cannot be sampled on this machine: its state is "
            "not a cache that several responses go on from. Choose another model, or have a server serve the "
            "trained one"
        )
    refuse_longer(lm.model, len(prompt) + sampling.max_new_tokens)
    count, budget = sampling.responses, sampling.max_new_tokens
    uniforms = torch.rand(count, budget, generator=torch.Generator().manual_seed(seed)).to(lm.device)
    ends = torch.tensor(sorted(stops), dtype=torch.long, device=lm.device)
    drawn: list[torch.Tensor] = []
    # (logprobs, sampling_logprobs, entropies) × response, a step each
    figures: list[torch.Tensor] = []
    over = torch.zeros(count, dtype=torch.bool, device=lm.device)
    with torch.inference_mode():
        cache = DynamicCache(config=lm.model.config)
        ids = torch.tensor([list(prompt)], device=lm.device)
        # By index, as the core asks for them: a count would have the output matrix copied.
        last = torch.tensor([-1], device=lm.device)
        logits = lm.model(ids, past_key_values=cache, use_cache=True, logits_to_keep=last).logits[:, -1]
        cache.batch_repeat_interleave(count)
        logits = logits.repeat_interleave(count, dim=0)
        for step in range(budget):
            next_tokens = lm.next_tokens(logits, sampling.temperature, sampling.top_p, sampling.top_k)
            tokens = next_tokens.draw(uniforms[:, step : step + 1])
            drawn.append(tokens[:, 0])
            figures.append(
                torch.stack(
                    [
                        next_tokens.logprobs(tokens)[:, 0],
                        next_tokens.sampling_logprobs(tokens)[:, 0],
                        next_tokens.entropies,
                    ]
                )
            )
            over |= torch.isin(tokens[:, 0], ends)
            if bool(over.all()) or step == budget - 1:
                break
            logits = lm.model(tokens, past_key_values=cache, use_cache=True).logits[:, -1]
    token_rows = torch.stack(drawn, dim=1).tolist()
    figure_rows = torch.stack(figures, dim=-1).tolist()
    return [
        _response(lm, prompt, token_rows[row], [kind[row] for kind in figure_rows], stops)
        for row in range(count)
    ]


def _response(
    lm: CausalLM,
    prompt: Sequence[int],
    tokens: Sequence[int],
    figures: Sequence[Sequence[float]],
    stops: Collection[int],
) -> Response:
    """Return the response in a row of tokens, which may go on after its end."""
    end = next((place + 1 for place, token in enumerate(tokens) if token in stops), None)
    length = len(tokens) if end is None else end
    statistics = TokenStatistics(*(tuple(figure[:length]) for figure in figures))
    return lm.response(prompt, tokens[:length], statistics, "length" if end is None else "stop")
