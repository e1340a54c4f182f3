"""Which prompts the generator does not take, in its own words."""

from __future__ import annotations

from collections.abc import Sequence

from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.registry import Registry
from udasa_core.plugins.returned.groups import check_refusals
from udasa_core.records import Prompt, SamplingOptions


def admits(registry: Registry, generator: BuiltPlugin) -> bool:
    """Say whether the generator says beforehand which prompts it takes."""
    return registry.implements(generator, "udasa_admit")


def refusals(
    registry: Registry,
    generator: BuiltPlugin,
    prompts: Sequence[Prompt],
    blocks: Sequence[SamplingOptions],
) -> list[str]:
    """Return why the generator does not take a prompt, "" where it does: its responses, and its voters.

    blocks: how the responses are drawn, and then each block of voters.
    """
    answers = [
        check_refusals(
            generator, prompts, registry.call(generator, "udasa_admit", prompts=prompts, sampling=sampling)
        )
        for sampling in dict.fromkeys((blocks[0], blocks[-1]))
    ]
    return [next(filter(None, said), "") for said in zip(*answers, strict=True)]
