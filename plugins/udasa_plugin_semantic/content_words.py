"""The content words of a final answer (no function words, no hedges), and how far two answers share them."""

from __future__ import annotations

from dataclasses import dataclass

from udasa_core import answer_words, final_answer, same_word, words

_HEDGES = frozenset(
    {
        *("typically", "usually", "commonly", "most", "mostly", "main", "mainly", "primary", "primarily"),
        *("used", "use", "made", "located", "typical", "common", "widely", "often", "generally"),
        *("specifically", "refer", "refers", "referred", "type", "kind", "form", "however", "but", "so"),
        *("such", "than", "then", "into", "through", "very", "more", "many", "some", "other", "any", "all"),
        *("just", "only", "about", "approximately", "around", "actually", "really", "considered", "due"),
        *("this", "that", "these", "those", "it", "its", "there"),
        *("is", "are", "was", "were", "be", "been", "being", "am", "do", "does", "did", "has", "have", "had"),
        *("will", "would", "can", "could", "also", "called", "known", "named"),
        *("of", "in", "on", "at", "to", "for", "from", "by", "with", "and", "or", "as"),
        *("he", "she", "they", "his", "her", "their"),
        *("which", "who", "whom", "whose", "what", "when", "where", "how", "why"),
    }
)
_NEGATIONS = frozenset({"not", "no", "never"})


@dataclass(frozen=True, slots=True)
class ContentWords:
    """A final answer's words: those that the question does not have, or all of them where there are none.

    negated: whether the answer denies.
    """

    words: frozenset[str]
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
    """Return the words of a response's final answer, as `answer_words` has them, plurals as singulars.

    Function words, hedges, denials and the words of the question are left out, as far as words remain: of
    "The Sun." as an answer to "Which is bigger, the Sun or the Moon?" stays "sun", and of "No." stays "no".
    """
    asked = frozenset(_spelt(question))
    spelt = _spelt(final_answer(text) or text)
    told = frozenset(word for word in spelt if word not in _HEDGES and word not in _NEGATIONS)
    return ContentWords(told - asked or told or frozenset(spelt), not _NEGATIONS.isdisjoint(spelt))


def _spelt(text: str) -> list[str]:
    return [_singular(word.text) for word in answer_words(text)] or words(text)


def _singular(word: str) -> str:
    singular = word[:-1]
    return singular if word.endswith("s") and word not in _HEDGES and same_word(word, singular) else word
