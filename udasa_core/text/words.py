"""The words of a text, in any script."""

from __future__ import annotations

import re

# Kana and Chinese characters, which are written without spaces.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(f"[{_UNSPACED}]|[^\\W_{_UNSPACED}]+")


def words(text: str) -> list[str]:
    """Return a text's words in order: lower-cased runs of letters and digits of any script.

    A kana or Chinese character is a word of its own. A text without any (emoji, say) has its characters for
    words, spaces left out. For ASCII text these are the tokens of the rouge-score package without stemming.
    """
    return _WORD.findall(text.lower()) or [character for character in text if not character.isspace()]


def vocabulary(text: str) -> frozenset[str]:
    """Return the words of a list that is written as a text, blanks between them."""
    return frozenset(text.split())
