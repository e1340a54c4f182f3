"""From samples to responses: texts by the policy's own tokenizer, and the figures that vLLM does not tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from udasa_core import told_statistics

if TYPE_CHECKING:
    from udasa_core import CausalLM, Response, SamplingOptions, TokenStatistics
    from udasa_plugin_vllm.sampling import Sample


def responses(
    lm: CausalLM,
    prompt: Sequence[int],
    samples: Sequence[Sample],
    sampling: SamplingOptions,
    rescorer: CausalLM | None,
) -> tuple[Response, ...]:
    """Return the responses that samples are to a prompt (token ids).

    rescorer: the policy with its weights, which reads each once for its entropies and for what it was
    sampled with; None: see `told_statistics`.
    """
    read: list[TokenStatistics | None] = [None] * len(samples)
    if rescorer is not None:
        read[:] = rescorer.token_statistics(
            [prompt] * len(samples),
            [one.token_ids for one in samples],
            sampling.temperature,
            sampling.top_p,
            sampling.top_k,
        )
    return tuple(
        lm.response(
            prompt,
            one.token_ids,
            told_statistics(one.logprobs, sampling, figures, one.forced),
            "stop" if one.stopped else "length",
            forced=one.forced,
        )
        for one, figures in zip(samples, read, strict=True)
    )
