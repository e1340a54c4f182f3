"""The words by which a final answer answers."""

from __future__ import annotations

from udasa_core import final_answer
from udasa_plugin_semantic.words import words

_HEDGES = frozenset(
    {
        *("typically", "usually", "commonly", "most", "mostly", "main", "mainly", "primary", "primarily"),
        *("used", "use", "made", "located", "typical", "common", "widely", "often", "generally"),
        *(
            "specifically",
            "refer",
            "refers",
            "referred",
            "type",
            "kind",
            "form",
            "however",
            "but",
            "not",
            "so",
        ),
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


def answer_words(text: str, question: str) -> frozenset[str]:
    """Return the words of a response's final answer that the question does not have; possibly none.

    Lower-cased, plurals as singulars, number words up to twenty as digits; function words and hedges left
    out.
    """
    asked = {_plain(word) for word in words(question)}
    told = {_plain(word) for word in words(final_answer(text) or text) if word not in _HEDGES}
    return frozenset(told - asked)


def _plain(word: str) -> str:
    singular = word[:-1] if word.endswith("s") and len(word) > 3 else word
    return _NUMBERS.get(word, _NUMBERS.get(singular, singular))
