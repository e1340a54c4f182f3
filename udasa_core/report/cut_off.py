"""Responses that the token budget cut off: when they are many, and what to do about it."""

from __future__ import annotations

from udasa_core.report.written import share

# Above this share of cut-off responses, what is trained on is to a good part fragments.
MANY = 0.25


def cut_off_warning(cut: int, count: int, budget: int) -> str:
    """Say what share of `count` responses was cut off and what to do, "" where they are few.

    budget: [generator] max_new_tokens.
    """
    if not count or cut <= MANY * count:
        return ""
    return (
        f"{share(cut / count)} of the responses to training prompts were cut off at {budget} tokens: raise "
        "[generator] max_new_tokens, or ask for shorter answers. Where a prompt has fewer than two whole "
        'responses, fragments may be paired; [pairing] truncated = "exclude" leaves them out'
    )
