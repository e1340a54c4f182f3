"""Sampling on this machine, for a policy that no server serves: the one that a run has just trained."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import torch
from transformers import DynamicCache

from udasa_core import (
    CausalLM,
    Response,
    SamplingOptions,
    ThoughtBudget,
    TokenStatistics,
    UdasaError,
    cache_use,
    content_key,
    refuse_longer,
    sample,
    takes_slots,
)

# Prompts whose responses decode together.
_PROMPTS_AT_ONCE = 8


def all_locally(
    lm: CausalLM,
    prompts: Sequence[Sequence[int]],
    sampling: SamplingOptions,
    seed: int,
    stops: Collection[int],
    finished: Callable[[int], None],
) -> list[list[Response]]:
    """Return K responses to each prompt (token ids), several prompts decoded together where the model can.

    stops: the tokens that end a response. finished: told how many prompts are done since it was last told.
    Raises as `sample_locally` does.
    """
    if not takes_slots(lm.model):
        found: list[list[Response]] = []
        for prompt in prompts:
            drawn = int(content_key(seed, list(prompt), len(found), length=8), 16)
            found.append(sample_locally(lm, prompt, sampling, drawn, stops))
            finished(1)
        return found
    sampled = sample(lm, prompts, sampling, seed, _PROMPTS_AT_ONCE, finished, stops)
    return [
        [
            lm.response(prompt, one.token_ids, one, "stop" if one.stopped else "length", forced=one.forced)
            for one in samples
        ]
        for prompt, samples in zip(prompts, sampled, strict=True)
    ]


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
    thought = ThoughtBudget(lm, sampling)
    count, budget = sampling.responses, thought.most
    refuse_longer(lm.model, len(prompt) + budget)
    bounded = sampling.thinking_tokens is not None
    clocks = [thought.clock(prompt) for _ in range(count)] if bounded else []
    uniforms = torch.rand(count, budget, generator=torch.Generator().manual_seed(seed)).to(lm.device)
    drawn: list[torch.Tensor] = []
    # (logprobs, sampling_logprobs, entropies) × response, a step each
    figures: list[torch.Tensor] = []
    # 0 until a response is over.
    lengths = [0] * count
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
            written = {row: clock.writes for row, clock in enumerate(clocks) if clock.writes is not None}
            for row, token in written.items():
                tokens[row] = token
            sampling_logprobs = next_tokens.sampling_logprobs(tokens)[:, 0]
            if written:  # nothing was drawn there
                sampling_logprobs[list(written)] = 0.0
            drawn.append(tokens[:, 0])
            logprobs = next_tokens.logprobs(tokens)[:, 0]
            figures.append(torch.stack([logprobs, sampling_logprobs, next_tokens.entropies]))
            for row, token in enumerate(tokens[:, 0].tolist()):
                if lengths[row]:
                    continue
                if clocks:
                    clocks[row].add(token)
                spent = step == budget - 1 or (bounded and clocks[row].is_over)
                if spent or token in stops:
                    lengths[row] = step + 1
            if all(lengths):
                break
            logits = lm.model(tokens, past_key_values=cache, use_cache=True).logits[:, -1]
    token_rows = torch.stack(drawn, dim=1).tolist()
    figure_rows = torch.stack(figures, dim=-1).tolist()
    responses = []
    for row, length in enumerate(lengths):
        ids = token_rows[row][:length]
        responses.append(
            lm.response(
                prompt,
                ids,
                TokenStatistics(*(tuple(kind[row][:length]) for kind in figure_rows)),
                "stop" if ids[-1] in stops else "length",
                forced=clocks[row].forced if clocks else (),
            )
        )
    return responses
