"""The content words of a final answer (no function words, no hedges), and how far two answers share them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from udasa_core import final_answer, words

_HEDGES = frozenset(
    {
        *("typically", "usually", "commonly", "most", "mostly", "main", "mainly", "primary", "primarily"),
        *("used", "use", "made", "located", "typical", "common", "widely", "often", "generally"),
        *("specifically", "refer", "refers", "referred", "type", "kind", "form", "however", "but", "so"),
        *("such", "than", "then", "into", "through", "very", "more", "many", "some", "other", "any", "all"),
        *("just", "only", "about", "approximately", "around", "actually", "really", "considered", "due"),
        *("a", "an", "the", "this", "that", "these", "those", "it", "its", "there"),
        *("is", "are", "was", "were", "be", "been", "being", "am", "do", "does", "did", "has", "have", "had"),
        *("will", "would", "can", "could", "also", "called", "known", "named", "s"),
        *("of", "in", "on", "at", "to", "for", "from", "by", "with", "and", "or", "as"),
        *("he", "she", "they", "his", "her", "their"),
        *("which", "who", "whom", "whose", "what", "when", "where", "how", "why"),
    }
)
_NEGATIONS = frozenset({"not", "no", "never", "cannot", "isn't", "aren't", "t"})
_NUMBERS = {
    name: str(number)
    for number, name in enumerate(
        [
            *(
                "zero",
                "one",
                "two",
                "three",
                "four",
                "five",
                "six",
                "seven",
                "eight",
                "nine",
                "ten",
                "eleven",
            ),
            *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
            "twenty",
        ]
    )
}
# 1,000.5 and −5 are one word each; a sign counts where no word or number stands before it.
_NUMBER = re.compile(r"(?<![\w.,])([-−]?)(\d[\d,]*(?:\.\d+)?)(?![\d])")


@dataclass(frozen=True, slots=True)
class ContentWords:
    """A final answer's words: those that the question does not have, or all of them where there are none.

    new: whether the question does not have them. negated: whether one of them denies.
    """

    words: frozenset[str]
    new: bool
    negated: bool

    def overlap(self, other: ContentWords) -> float:
        """Return the overlap coefficient |A ∩ B| / min(|A|, |B|) in [0, 1]; 0 where one denies and one does
        not, 1 for two answers without a word."""
        if self.negated != other.negated:
            return 0.0
        if not self.words or not other.words:
            return float(self.words == other.words)
        return len(self.words & other.words) / min(len(self.words), len(other.words))


def content_words(text: str, question: str) -> ContentWords:
    """Return the words of a response's final answer.

    Lower-cased, plurals as singulars, number words up to twenty as digits; function words and hedges left
    out. Where the question has them all ("Which is bigger, the Sun or the Moon?"), they are what there is.
    """
    asked = frozenset(_spelt(question))
    spelt = _spelt(final_answer(text) or text)
    told = frozenset(word for word in spelt if word not in _HEDGES and word not in _NEGATIONS)
    new = told - asked
    return ContentWords(new or told, bool(new), not _NEGATIONS.isdisjoint(spelt))


def _spelt(text: str) -> list[str]:
    """Return a text's words, each number as one."""
    numbers = [sign.replace("−", "-") + digits.replace(",", "") for sign, digits in _NUMBER.findall(text)]
    return [*map(_plain, words(_NUMBER.sub(" ", text)) if _NUMBER.sub(" ", text).strip() else []), *numbers]


def _plain(word: str) -> str:
    singular = word[:-1] if word.endswith("s") and len(word) > 3 and word not in _HEDGES else word
    return _NUMBERS.get(word, _NUMBERS.get(singular, singular))
