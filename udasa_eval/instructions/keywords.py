"""Instructions on words and letters that a response has, or has not."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, NonNegativeInt

from udasa_eval.instructions.verifier import Relation, Verifier, compare

Word = Annotated[str, Field(min_length=1)]
Words = Annotated[tuple[Word, ...], Field(min_length=1)]


class Existence(Verifier):
    """keywords:existence: every keyword stands somewhere, in any case, also inside of a longer word."""

    keywords: Words

    def holds(self, response: str) -> bool:
        """Look for each."""
        return all(_count(keyword, response) for keyword in self.keywords)


class Frequency(Verifier):
    """keywords:frequency: how often a keyword stands, in any case, also inside of longer words."""

    keyword: Word
    frequency: NonNegativeInt
    relation: Relation

    def holds(self, response: str) -> bool:
        """Count it."""
        return compare(_count(self.keyword, response), self.relation, self.frequency)


class ForbiddenWords(Verifier):
    """keywords:forbidden_words: none of the words stands as a word of its own, in any case."""

    forbidden_words: Words

    def holds(self, response: str) -> bool:
        """Look for each."""
        return not any(
            re.search(rf"\b{re.escape(word)}\b", response, re.IGNORECASE) for word in self.forbidden_words
        )


class LetterFrequency(Verifier):
    """keywords:letter_frequency: how often a letter, or another sign, stands, in either case."""

    letter: Annotated[str, Field(min_length=1, max_length=1)]
    let_frequency: NonNegativeInt
    let_relation: Relation

    def holds(self, response: str) -> bool:
        """Count it."""
        found = response.lower().count(self.letter.lower())
        return compare(found, self.let_relation, self.let_frequency)


def _count(keyword: str, response: str) -> int:
    return len(re.findall(re.escape(keyword), response, re.IGNORECASE))
