"""The rating in a judge's text."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from udasa_core.text.own_words import own_words

LOWEST, HIGHEST = 1.0, 10.0
# "agreed": ours; "fastchat": FastChat's, for figures that are compared with its own.
RatingRule = Annotated[
    Literal["agreed", "fastchat"],
    Field(
        description="How a rating is read. agreed: from the judge's own words, reasoning and quotations set "
        "aside; different ratings are none. fastchat: the first one wherever it stands, for figures that are "
        "compared with FastChat's."
    ),
]

_NUMBER = r"[0-9]+\.?[0-9]*"
# FastChat's patterns (fastchat/llm_judge/common.py: one_score_pattern, its backup), with ASCII digits alone.
_RATING = re.compile(rf"\[\[({_NUMBER})\]\]")
_BACKUP = re.compile(rf"\[({_NUMBER})\]")
# Whatever holds a digit says something, "[[-3]]" and "[[7/10]]" too; a link, "[[1]](http://…)", does not.
_MARK = r"\[\[[^\[\]\n]*[0-9][^\[\]\n]*\]\](?!\((?:https?:|[#/.]))"
_MARKS = re.compile(_MARK)


def rating(text: str, rule: RatingRule = "agreed") -> float | None:
    """Return the rating from 1 to 10 that a text gives as FastChat's judge prompts ask: "Rating: [[7]]".

    None where there is none, or where it lies outside 1 to 10: that is for the suite to count, and never a
    grade.

    rule: "agreed" reads the judge's own words, its reasoning and its quotations set aside; different marks
    there are no rating. "fastchat" takes the first "[[number]]" wherever it stands, otherwise the first
    "[number]", as FastChat does: a rating that the judge only thought of or quoted, or a footnote, may count.
    """
    if rule == "fastchat":
        first = _RATING.search(text) or _BACKUP.search(text)
        return None if first is None else _in_range(first[1])
    found = [_RATING.fullmatch(mark) for mark in _MARKS.findall(own_words(text, _MARK))]
    values = {None if mark is None else _in_range(mark[1]) for mark in found}
    return values.pop() if len(values) == 1 else None


def _in_range(number: str) -> float | None:
    value = float(number)
    return value if LOWEST <= value <= HIGHEST else None
