"""Beginnings of texts and what a policy makes of them."""

from __future__ import annotations

from dataclasses import dataclass

from udasa_core import Prompt

# What follows a word without a space.
_CLOSING = tuple(".,;:!?)]}'’”%")
_QUOTES = "\"'“”‘’"


@dataclass(frozen=True, slots=True)
class Continuation:
    """A beginning and what the policy made of it; `text` without the beginning, should the policy repeat it.
    A text of None was not asked for: the generator did not take the prompt."""

    id: str
    beginning: str
    prompt: Prompt
    text: str | None = None
    tokens: int = 0
    truncated: bool = False


def without_beginning(text: str, beginning: str) -> str:
    """Return what a response adds to the beginning that it was asked to continue, stripped.

    Taken off where the response repeats it from its start, in the same words and case, quoted or not.
    """
    bare = text.strip()
    opened = bare.lstrip(_QUOTES)
    # "I love" is no beginning of "I loved it".
    if not opened.startswith(beginning) or opened[len(beginning) :][:1].isalnum():
        return bare
    added = opened[len(beginning) :].strip()
    # What was quoted from before the beginning on closes a quotation that is not there now.
    return added if opened == bare else added.rstrip(_QUOTES)


def joined(beginning: str, continuation: str) -> str:
    """Return a continuation as it stands after its beginning: a space before it, unless it is a mark that
    closes."""
    spaced = beginning.endswith(" ") or continuation.startswith(_CLOSING)
    return continuation if spaced else f" {continuation}"
