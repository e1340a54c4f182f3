"""Instructions on case, commas and language."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, NonNegativeInt

from udasa_eval.instructions.language import language_of
from udasa_eval.instructions.verifier import Relation, Verifier, compare

# What capitals are counted of: "U.S.", "WELL-KNOWN" and "DON'T" are one word each.
_WORD = re.compile(r"\w+(?:['’.-]\w+)*")
# Of fewer words the detector takes English for something else too often: 20% of 5, 6% of 8, 2% of 10.
_ENOUGH_WORDS = 10


class CapitalWords(Verifier):
    """change_case:capital_word_frequency: how many words stand in capitals; "I" and "A" are such words."""

    capital_frequency: NonNegativeInt
    capital_relation: Relation

    def holds(self, response: str) -> bool:
        """Count them."""
        found = sum(word.isupper() for word in _WORD.findall(response))
        return compare(found, self.capital_relation, self.capital_frequency)


class EnglishCapitals(Verifier):
    """change_case:english_capital: English, every letter a capital."""

    reads_language = True

    def holds(self, response: str) -> bool:
        """Look at the case, then at the language."""
        return response.isupper() and _may_be_english(response)


class EnglishLowercase(Verifier):
    """change_case:english_lowercase: English, without a capital letter."""

    reads_language = True

    def holds(self, response: str) -> bool:
        """Look at the case, then at the language."""
        return response.islower() and _may_be_english(response)


class NoComma(Verifier):
    """punctuation:no_comma: no comma at all."""

    def holds(self, response: str) -> bool:
        """Look for one."""
        return "," not in response


class ResponseLanguage(Verifier):
    """language:response_language: the response is in a language, by its ISO 639-1 code ("fr")."""

    reads_language = True
    language: Annotated[str, Field(min_length=2)]

    def holds(self, response: str) -> bool:
        """Compare with what is detected; a text without letters is in none. "zh" is met by "zh-cn"."""
        found, asked = language_of(response), self.language.lower()
        return found is not None and asked in (found, found.split("-")[0])


def _may_be_english(response: str) -> bool:
    if len(re.findall(r"\w+", response)) < _ENOUGH_WORDS:
        return True
    # Text in capitals is none that the detector was fitted to.
    return language_of(response.lower()) in ("en", None)
