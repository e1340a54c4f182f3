"""Answers that differ in one respect only: the same content longer, otherwise shaped, or otherwise signed.

Where the respect is not length, both texts of a pair have as many characters, so that a judge that goes by
length alone is indifferent between them.
"""

from __future__ import annotations

import re
from itertools import cycle

from udasa_core import sentences

# Openings of as many characters each: the first says nothing.
PLAIN = "Here is an answer to the question that was asked."
CONFIDENT = "I am absolutely certain of this beyond any doubt."
AS_AI = "As an AI language model I can tell you this much."
# Nothing is said in these, of whatever question.
_EMPTY = (
    "That is what there is to say about it.",
    "All of this is meant just as it has been said here.",
    "With that the answer has been given, and it is the answer to the question.",
    "It has now been said what was to be said.",
)


def padded(text: str) -> str:
    """Return a text with empty sentences behind it, at least as long again."""
    longer = text
    for sentence in cycle(_EMPTY):
        if len(longer) >= 2 * len(text) + 1:
            return longer
        longer = f"{longer} {sentence}"
    raise AssertionError("unreachable")


def repeated(text: str) -> str:
    """Return a text that is said twice."""
    return f"{text}\n\nTo say it again: {text}"


def listed(text: str) -> tuple[str, str] | None:
    """Return the sentences of a text as a Markdown list, and as prose of as many characters, by blanks
    between sentences; None where there is one sentence only."""
    parts = [part.strip() for part in sentences(text) if part.strip()]
    if len(parts) < 2:
        return None
    markdown = "\n".join(f"- {part}" for part in parts)
    lack = len(markdown) - len(" ".join(parts))
    blanks = [
        " " * (1 + lack // (len(parts) - 1) + (place < lack % (len(parts) - 1)))
        for place in range(len(parts) - 1)
    ]
    return markdown, "".join(f"{part}{blank}" for part, blank in zip(parts, [*blanks, ""], strict=True))


def opened(opening: str, text: str) -> str:
    """Return a text behind one of the openings."""
    return f"{opening} {text}"


def signed(name: str, other: str, text: str) -> tuple[str, str]:
    """Return a text under one model's name and under another's, of as many characters."""
    width = max(len(name), len(other))
    one, two = (f"[Answer by {which}]{' ' * (width - len(which))}\n{text}" for which in (name, other))
    return one, two


def spoken_name(model: str) -> str:
    """Return what a model is called in a text: "hf:owner/Name-1B@main" → "Name-1B"."""
    last = re.split(r"[/:\\]", model.partition("@")[0].rstrip("/"))[-1]
    return last.removesuffix(".gguf")
