"""From samples to responses: texts by the policy's own tokenizer, and the figures that vLLM does not tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from udasa_core import TokenStatistics

if TYPE_CHECKING:
    from udasa_core import CausalLM, Response, SamplingOptions
    from udasa_plugin_vllm.sampling import Sample


def responses(
    lm: CausalLM,
    prompt: Sequence[int],
    samples: Sequence[Sample],
    sampling: SamplingOptions,
    rescorer: CausalLM | None,
) -> tuple[Response, ...]:
    """Return the responses that samples are to a prompt (token ids).

    rescorer: the policy with its weights, which reads each once for its entropies and for its
    log-probabilities under the distribution that was sampled from; None: it has no entropies, and of the
    latter those that are known without: greedy tokens are certain, and at temperature 1 with nothing
    filtered they are the raw ones. Elsewhere the raw ones stand for them.
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
            _statistics(one, sampling, figures),
            "stop" if one.stopped else "length",
            forced=one.forced,
        )
        for one, figures in zip(samples, read, strict=True)
    )


def _statistics(one: Sample, sampling: SamplingOptions, read: TokenStatistics | None) -> TokenStatistics:
    if sampling.top_k == 1:
        tempered = [0.0] * len(one.token_ids)
    elif read is not None:
        # Where this machine's arithmetic would not have let a token pass the filter, the raw figure stands.
        pairs = zip(read.sampling_logprobs, one.logprobs, strict=True)
        tempered = [logprob if math.isfinite(logprob) else raw for logprob, raw in pairs]
    else:
        tempered = list(one.logprobs)
    for place in one.forced:  # nothing was drawn there
        tempered[place] = 0.0
    return TokenStatistics(tuple(one.logprobs), tuple(tempered), read.entropies if read is not None else None)
