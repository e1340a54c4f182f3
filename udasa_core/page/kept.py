"""What the page holds of texts: all of a prompt's, of as many prompts or items as it may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from udasa_core.page.parts import Prose
from udasa_core.records import Prompt

LEFT_OUT = Prose("Without texts: they were left out on purpose.")


def drawn(come_first: Sequence[int], count: int) -> list[int]:
    """Return at most `count` places: those that come first, then others, at random; the same for the same
    data."""
    order = list(range(len(come_first)))
    Random(0).shuffle(order)
    order.sort(key=lambda place: not come_first[place])
    return order[:count]


def prompt_texts(prompt: Prompt, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a block says of a prompt: its messages, and the user's own columns, where there are any."""
    messages = [[message.role, message.content] for message in prompt.messages]
    return {"messages": messages, **({"own": dict(own)} if own else {})}
