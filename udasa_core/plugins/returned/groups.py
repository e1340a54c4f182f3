"""What a generator returned: which prompts it takes, and groups of responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.contract import is_sequence, is_texts
from udasa_core.plugins.returned.breach import breach, check_text
from udasa_core.records import Group, ModelRef, Prompt, SamplingOptions


def check_refusals(plugin: BuiltPlugin, prompts: Sequence[Prompt], answer: Any) -> Sequence[str]:
    """One text a prompt."""
    if not is_texts(answer):
        breach(plugin, "udasa_admit", f"{type(answer).__name__}", "it returns one text a prompt")
    if len(answer) != len(prompts):
        breach(plugin, "udasa_admit", f"{len(answer)} texts", f"it was given {len(prompts)} prompts")
    check_text(plugin, "udasa_admit", *answer)
    checked: Sequence[str] = answer
    return checked


def check_groups(
    plugin: BuiltPlugin, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, answer: Any
) -> Sequence[Group]:
    """One Group a prompt, in order, of at most K responses, by the policy that was asked."""
    hook = "udasa_generate"
    if not is_sequence(answer) or not all(isinstance(one, Group) for one in answer):
        breach(plugin, hook, type(answer).__name__, "it returns a sequence of Groups")
    if len(answer) != len(prompts):
        breach(plugin, hook, f"{len(answer)} groups", f"it was given {len(prompts)} prompts")
    for prompt, group in zip(prompts, answer, strict=True):
        if group.prompt != prompt:
            breach(
                plugin, hook, f"a group of prompt {group.prompt.id}", f"prompt {prompt.id} is next in order"
            )
        if len(group.responses) > sampling.responses:
            breach(
                plugin,
                hook,
                f"{len(group.responses)} responses for prompt {prompt.id}",
                f"{sampling.responses} were asked for",
            )
        if group.voters:
            breach(
                plugin, hook, f"voters for prompt {prompt.id}", "udasa asks for voters by calls of their own"
            )
        check_text(plugin, hook, *(response.text for response in group.responses))
        if group.policy != policy.key:
            breach(plugin, hook, f"policy {group.policy!r} for prompt {prompt.id}", f"it is {policy.key!r}")
    groups: Sequence[Group] = answer
    return groups
