"""What the page holds of texts: all of a prompt's, of as many prompts or items as it may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from udasa_core.page.parts import Prose
from udasa_core.records import Prompt

# A beginning that is shorter takes no room.
_LEAD = 16
LEFT_OUT = Prose("Without texts: they were left out on purpose.")


def drawn(come_first: Sequence[int], count: int) -> list[int]:
    """Return at most `count` places: those that come first, then others, at random; the same for the same
    data."""
    order = list(range(len(come_first)))
    Random(0).shuffle(order)
    order.sort(key=lambda place: not come_first[place])
    return order[:count]


class Lead:
    """What all of some prompts begin with, as an instruction above each question; "" where that is short."""

    def __init__(self) -> None:
        self._common: str | None = None
        self._is_several = False

    def add(self, prompt: Prompt) -> None:
        """Add a prompt: what its last message of the user says."""
        said = [message.content for message in prompt.messages if message.role == "user"]
        text = said[-1] if said else prompt.messages[-1].content
        if self._common is not None and text != self._common:
            self._is_several = True
            letters = enumerate(zip(self._common, text, strict=False))
            text = text[: next((place for place, (one, other) in letters if one != other), len(self._common))]
        self._common = text

    @property
    def text(self) -> str:
        """It, up to the end of a word."""
        common = self._common or ""
        if not self._is_several:
            return ""
        whole = common[: max(common.rfind(" "), common.rfind("\n")) + 1]
        return whole if len(whole) >= _LEAD else ""


def prompt_texts(prompt: Prompt, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a block says of a prompt: its messages, and the user's own columns, where there are any."""
    messages = [[message.role, message.content] for message in prompt.messages]
    return {"messages": messages, **({"own": dict(own)} if own else {})}
