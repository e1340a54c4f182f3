"""How fast the base answers here, measured by a few tokens: what an estimate of time rests on."""

from __future__ import annotations

import time

from udasa_core.errors import UdasaError
from udasa_core.job.job import Job
from udasa_core.plugins.base import attribute
from udasa_core.plugins.returned.groups import check_groups
from udasa_core.records import Message, Prompt, SamplingOptions

_TOKENS = 8
_QUESTION = "Write down the names of all countries that you know."


def pace(job: Job) -> float | None:
    """Return how many tokens a second the run's generator samples from the base, for a shard of prompts at
    once.

    None where a server answers, whose time nobody here knows and whose tokens are paid for, where no prompt
    but its own is taken, and where asking fails: a suite will tell of that. Nothing is kept. Cost: one token,
    and then a few of each prompt of a shard.
    """
    generator = job.stack.generator
    if attribute(generator.instance, "is_served") or not attribute(generator.instance, "takes_any_prompt"):
        return None
    prompts = [
        Prompt(f"pace {number}", (Message("user", _QUESTION),)) for number in range(job.config.run.shard_size)
    ]
    try:
        # The first call loads what it needs.
        _sampled(job, prompts[:1], 1)
        begun = time.perf_counter()
        count = _sampled(job, prompts, _TOKENS)
        return count / (time.perf_counter() - begun)
    except UdasaError:
        return None


def _sampled(job: Job, prompts: list[Prompt], tokens: int) -> int:
    generator, sampling = job.stack.generator, SamplingOptions(1, 1.0, tokens)
    answer = job.stack.call(
        generator, "udasa_generate", prompts=tuple(prompts), sampling=sampling, policy=job.base, seed=0
    )
    groups = check_groups(generator, tuple(prompts), sampling, job.base, answer)
    return sum(len(one.token_ids) for group in groups for one in group.responses)
