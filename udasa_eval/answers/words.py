"""Normalised words of answers, and where phrases stand in them."""

from __future__ import annotations

from collections.abc import Sequence

from udasa_core import AnswerWord, answer_words, same_word


def vocabulary(text: str) -> frozenset[str]:
    """Return the words of a list that is written as a text."""
    return frozenset(text.split())


def texts_of(words: Sequence[AnswerWord]) -> list[str]:
    """Return what words say."""
    return [word.text for word in words]


def normalised(text: str) -> str:
    """Return a text's normalised words, joined by blanks: equal for answers that differ in dress only."""
    return " ".join(texts_of(answer_words(text)))


def occurrences(words: Sequence[AnswerWord], phrase: Sequence[AnswerWord]) -> list[tuple[int, int]]:
    """Return where `phrase` stands in `words`, whole words only, as (first, one past the last)."""
    size = len(phrase)
    if not size:
        return []
    return [
        (at, at + size)
        for at in range(len(words) - size + 1)
        if all(same_word(words[at + step].text, phrase[step].text) for step in range(size))
    ]
