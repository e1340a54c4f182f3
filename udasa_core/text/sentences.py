"""The sentences of a text."""

from __future__ import annotations

import re

from udasa_core.text.words import vocabulary

# A full stop after these ends no sentence.
_ABBREVIATIONS = vocabulary(
    "mr mrs ms dr prof sr jr st gen col capt inc ltd vol vs etc e.g i.e a.m p.m u.s u.k approx ca fig mt ft"
)
_END = re.compile(r"(?<=[.!?。！？؟।॥۔։።។။])[\"'”’)\]*_]*(?=\s)|(?<=[。！？])[」』”’)）]*|\n+")
_LAST_WORD = re.compile(r"[(\[\"'“‘*_]*([^\s.]+(?:\.[^\s.]+)*)\.$")
# Longer than any abbreviation; what stands before is not looked at again at each full stop.
_LONGEST_WORD = 40
# "No. 5" goes on, "No. It is not." does not.
_COUNTS = re.compile(r"\s*\d")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, in order, bullets removed; none of them is empty.

    A line ends a sentence. A full stop ends one before white space, unless it belongs to an initial, a number
    of a list or a common English abbreviation. A text without any such sign is one sentence.
    """
    found: list[str] = []
    start = 0
    for match in _END.finditer(text):
        piece = text[start : match.end()]
        if match.group() == "" or not match.group().startswith("\n"):
            word = _LAST_WORD.search(piece[-_LONGEST_WORD:].rstrip())
            if word and (_is_initials(word[1]) or word[1].lower() in _ABBREVIATIONS):
                continue
            if word and word[1].lower() == "no" and _COUNTS.match(text, match.end()):
                continue
            if re.fullmatch(r"\s*\d{1,2}\.", piece):
                continue
        found.append(piece)
        start = match.end()
    found.append(text[start:])
    stripped = (_BULLET.sub("", piece).strip() for piece in found)
    return [piece for piece in stripped if any(char.isalnum() for char in piece)]


def asks(sentence: str) -> bool:
    """Say whether a sentence ends with a question mark, whatever closes it behind that."""
    return sentence.rstrip("\"'”’)*_ ").endswith("?")


def _is_initials(word: str) -> bool:
    return all(len(part) == 1 and part.isalpha() for part in word.split("."))
