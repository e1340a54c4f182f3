"""Instructions on how long a response is, in words, sentences and paragraphs."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from udasa_core import sentences
from udasa_eval.instructions.verifier import Relation, Verifier, compare

# What ends a paragraph's first word.
_MARKS = re.compile(r"[.,?!'\"]")


class NumberOfWords(Verifier):
    """length_constraints:number_words: runs of letters, digits and underscores; "don't" is two."""

    num_words: NonNegativeInt
    relation: Relation

    def holds(self, response: str) -> bool:
        """Count them."""
        return compare(len(re.findall(r"\w+", response)), self.relation, self.num_words)


class NumberOfSentences(Verifier):
    """length_constraints:number_sentences: sentences as udasa counts them: a line ends one, too."""

    num_sentences: NonNegativeInt
    relation: Relation

    def holds(self, response: str) -> bool:
        """Count them."""
        return compare(len(sentences(response)), self.relation, self.num_sentences)


class NumberOfParagraphs(Verifier):
    """length_constraints:number_paragraphs: exactly so many, parted by ***; one between two *** may not be
    empty."""

    num_paragraphs: NonNegativeInt

    def holds(self, response: str) -> bool:
        """Split, and leave out an empty first and last one."""
        parts = re.split(r"\s?\*\*\*\s?", response)
        inner = parts[1:-1]
        if not all(part.strip() for part in inner):
            return False
        return sum(bool(part.strip()) for part in parts) == self.num_paragraphs


class ParagraphFirstWord(Verifier):
    """length_constraints:nth_paragraph_first_word: so many paragraphs, parted by empty lines, and the n-th
    begins with a word, in any case."""

    num_paragraphs: NonNegativeInt
    nth_paragraph: PositiveInt
    first_word: Annotated[str, Field(min_length=1)]

    def holds(self, response: str) -> bool:
        """Split, and read the word up to a mark of punctuation."""
        parts = response.split("\n\n")
        count = sum(bool(part.strip()) for part in parts)
        if self.nth_paragraph > count or count != self.num_paragraphs:
            return False
        # Empty ones are not counted, and yet take a place: so do the authors.
        words = parts[self.nth_paragraph - 1].split()
        if not words:
            return False
        first = _MARKS.split(words[0].lstrip("'").lstrip('"'), maxsplit=1)[0]
        return first.lower() == self.first_word.lower()
