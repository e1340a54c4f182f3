"""The words of a text, in any script."""

from __future__ import annotations

import unicodedata

import regex

# Scripts that are written without blanks between words.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
# In Hindi or pointed Hebrew a word without its marks is another word. Joiners stand inside Persian words.
WORD = (
    rf"(?:[\p{{L}}&&[{_UNSPACED}]]\p{{M}}*"
    rf"|[[\p{{L}}\p{{N}}]--[\p{{L}}&&[{_UNSPACED}]]]"
    rf"[[\p{{L}}\p{{N}}\p{{M}}\u200c\u200d\u00ad]--[\p{{L}}&&[{_UNSPACED}]]]*)"
)
"""A word as a pattern of the package `regex`, version 1."""
_FOUND = regex.compile(WORD, regex.V1)
_UNSEEN = str.maketrans("", "", "\u200c\u200d\u00ad")


def words(text: str) -> list[str]:
    """Return a text's words in order: case-folded runs of letters, their marks, and digits, of any script.

    In composed form (NFC), so that é is one thing however it is written. Chinese, Japanese, Thai, Lao, Khmer
    and Burmese are written without blanks: there each letter with its marks is a word. A text without any
    word (emoji, say) has its characters for words, blanks left out. For ASCII text these are the tokens of
    the rouge-score package without stemming.
    """
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    found = [word.translate(_UNSEEN) for word in _FOUND.findall(plain)]
    return found or [character for character in plain if not character.isspace()]


def vocabulary(text: str) -> frozenset[str]:
    """Return the words of a list that is written as a text, blanks between them."""
    return frozenset(text.split())
