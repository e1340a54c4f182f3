"""Dimension `sentiment.lexicon`: does the response feel as the prompt's other responses do?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import Field

from udasa_core import Abstain, Column, Group, Plugin, Score, hookimpl

_WORD = re.compile(r"[^\W\d_]+")


class Lexicon(Plugin):
    """One score a response in [0, 1]: 0 where it feels as the others do, 1 where quite the reverse.

    Formula, with p positive and n negative words in a response, and s = (p − n) / (p + n) its sentiment:

        u_i = |s_i − mean_{j≠i} s_j| / 2

    Abstains where a response has no word of either list, or no other response has one. Cost: a moment.
    """

    class Options(Plugin.Options):
        """The two lists of words, in lower case."""

        positive: tuple[str, ...] = Field(
            default=("good", "great", "glad", "kind", "yes"),
            description="Words that speak well of something.",
        )
        negative: tuple[str, ...] = Field(
            default=("bad", "awful", "harm", "never", "no"), description="Words that speak ill of something."
        )

    options: Options

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        """Return one score a response, in order."""
        return Column(self.name, tuple(self._scores(group) for group in groups))

    def _scores(self, group: Group) -> tuple[Score, ...]:
        sentiments = [sentiment(response.text, self.options) for response in group.responses]
        return tuple(_distance(sentiments, index) for index in range(len(sentiments)))


def sentiment(text: str, lists: Lexicon.Options) -> float | None:
    """Return a text's sentiment in [−1, 1], or None where it has no word of either list."""
    words = _WORD.findall(text.lower())
    positive = sum(word in lists.positive for word in words)
    negative = sum(word in lists.negative for word in words)
    return (positive - negative) / (positive + negative) if positive + negative else None


def _distance(sentiments: Sequence[float | None], index: int) -> Score:
    own = sentiments[index]
    others = [other for number, other in enumerate(sentiments) if number != index and other is not None]
    if own is None:
        return Abstain("the response has no word of either list")
    if not others:
        return Abstain("no other response has a word of either list")
    return abs(own - sum(others) / len(others)) / 2
