"""The rating in a judge's text."""

from __future__ import annotations

import re

LOWEST, HIGHEST = 1.0, 10.0
# FastChat's pattern (fastchat/llm_judge/common.py, one_score_pattern), with ASCII digits alone.
_RATING = re.compile(r"\[\[([0-9]+\.?[0-9]*)\]\]")


def rating(text: str) -> float | None:
    """Return the rating from 1 to 10 that a text gives as FastChat's judge prompts ask: "Rating: [[7]]".

    The first "[[number]]" counts, as in FastChat. None where there is none, or where it lies outside 1 to 10:
    that is for the suite to count, and never a grade. FastChat's second try, "[7]" in single brackets, is
    left out: footnotes and lists look like that.
    """
    found = _RATING.search(text)
    if found is None:
        return None
    value = float(found[1])
    return value if LOWEST <= value <= HIGHEST else None
