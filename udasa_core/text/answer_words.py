"""A text as normalised words: what answers are compared by.

Case, accents, punctuation, articles and possessives are dropped; H₂O is H2O, D.C. is DC, "5km" is "5 km",
"isn't" is "is not"; number words and thousands separators become digits ("twenty-one" is 21, "3 million" is
3000000).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import regex

from udasa_core.text.words import WORD, vocabulary


def _listed(text: str) -> list[str]:
    return text.split()


_ARTICLES = vocabulary("a an the")
# What stands between two words and ends a clause; a hyphen does so only between blanks.
_BREAK = re.compile(r"[,;:()\[\]\n—–.!?\"]|\s-+\s")
_WORD = regex.compile(rf"-?\d+(?:\.\d+)?(?![^\W_])|{WORD}(?:'{WORD})*", regex.V1)
_ACCENTS = regex.compile(r"(?<=\p{Latin}\p{M}*)\p{M}")
_SMALL = {
    word: value
    for value, word in enumerate(
        _listed(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
            "sixteen seventeen eighteen nineteen"
        )
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(_listed("twenty thirty forty fifty sixty seventy eighty ninety"), start=2)
}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_REWRITES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), with_)
    for pattern, with_ in (
        (r"[‘’`´]", "'"),
        (r"[−‑‐]", "-"),
        (r"\bcan't\b|\bcannot\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"n't\b", " not"),
        (r"\b(it|that|this|he|she|there|here|what|who|where)'s\b", r"\1 is"),
        (r"°\s*C\b", " degrees celsius"),
        (r"°\s*F\b", " degrees fahrenheit"),
        (r"°", " degrees "),
        (r"%", " percent "),
        (r"&", " and "),
        (r"(?<=\d),(?=\d{3}(?!\d))", ""),
        (r"(?<![\d.])(\d{1,3}) (?=\d{3}(?: \d{3})*(?![\d.]))", r"\1"),
        # Digits with a unit stuck to them; "2nd" and "1990s" stay, and so does H2O.
        (r"(?<![^\W_])(\d+(?:\.\d+)?)(?=(?!(?:st|nd|rd|th|s)\b)[^\W\d_]+\b)", r"\1 "),
        # A minus sign only where nothing stands to its left.
        (r"(?<=[\w)])-(?=\d)", " - "),
        (r"(?<=\d)\s*-\s+(?=\d)", " - "),
    )
)
_INITIALS = re.compile(r"\b(?:[A-Z]\.\s?){2,}|\b(?:[A-Z]\.)+[A-Z]\b")


@dataclass(frozen=True, slots=True)
class AnswerWord:
    """A normalised word with what it was: `gap` is what stood between it and the word before.

    named: a number that is part of a name, as in the Seven Years' War.
    """

    text: str
    gap: str = ""
    number: bool = False
    spelled_one: bool = False
    capital: bool = False
    possessive: bool = False
    after_article: bool = False
    named: bool = False

    @property
    def opens(self) -> bool:
        """Whether a clause begins here."""
        return bool(_BREAK.search(self.gap))


def answer_words(text: str) -> list[AnswerWord]:
    """Return the normalised words of a text, in order."""
    plain = _rewritten(text)
    found = []
    end = 0
    for match in _WORD.finditer(plain):
        found.append(_word(match.group(), plain[end : match.start()]))
        end = match.end()
    return _without_articles(_with_numbers(found))


def same_word(word: str, other: str) -> bool:
    """Say whether two normalised words are one word, perhaps in singular and plural."""
    if word == other:
        return True
    short, long = sorted((word, other), key=len)
    return len(short) > 3 and short.isalpha() and long in (short + "s", short + "es")


def _rewritten(text: str) -> str:
    text = re.sub(r"(?<=\d)[\u00a0\u202f\u2009](?=\d{3})", "", text)
    # Only a Latin letter's accents fold: elsewhere a word without its marks is another word.
    text = _ACCENTS.sub("", unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text)))
    text = unicodedata.normalize("NFC", text)
    text = _INITIALS.sub(lambda match: re.sub(r"[.\s]", "", match.group()) + " ", text)
    for pattern, with_ in _REWRITES:
        text = pattern.sub(with_, text)
    return text


def _word(token: str, gap: str) -> AnswerWord:
    plain = token.casefold()
    if plain[-1].isdigit() and re.fullmatch(r"-?\d+(?:\.\d+)?", plain):
        whole, _, part = plain.partition(".")
        part = part.rstrip("0")
        sign = "-" if whole.startswith("-") else ""
        whole = whole.lstrip("-").lstrip("0") or "0"
        return AnswerWord(f"{sign}{whole}.{part}" if part else f"{sign}{whole}", gap, number=True)
    possessive = plain.endswith("'s")
    plain = plain.removesuffix("'s").replace("'", "")
    return AnswerWord(plain, gap, capital=token[0].isupper(), possessive=possessive)


def _with_numbers(words: Sequence[AnswerWord]) -> list[AnswerWord]:
    """Return the words with each run of number words as one number."""
    found: list[AnswerWord] = []
    at = 0
    while at < len(words):
        value, end = _number_at(words, at)
        if value is None:
            found.append(words[at])
            end = at + 1
        else:
            is_one = end == at + 1 and words[at].text == "one"
            named = words[at].capital and at > 0
            found.append(replace(words[at], text=value, number=True, spelled_one=is_one, named=named))
        at = end
    return found


def _number_at(words: Sequence[AnswerWord], at: int) -> tuple[str | None, int]:
    """Return the number that begins at a word, and the word behind it; None where no number word stands."""
    total, part = 0.0, 0.0
    last = ""  # the kind of the number word before: small, tens, digits, scale
    end = at
    for end in range(at, len(words) + 1):
        word = words[end] if end < len(words) else AnswerWord("")
        if last and not re.fullmatch(r"\s*-?\s*", word.gap):
            break
        if word.number and not last:
            part, last = float(word.text), "digits"
        elif word.text in _TENS and last in ("", "scale"):
            part, last = part + _TENS[word.text], "tens"
        elif word.text in _SMALL and (
            last in ("", "scale") or (last == "tens" and 0 < _SMALL[word.text] < 10)
        ):
            part, last = part + _SMALL[word.text], "small"
        elif word.text in _SCALES and not (last == "scale" and word.text == "hundred"):
            scale = _SCALES[word.text]
            if scale == 100:
                part = (part or 1) * 100
            else:
                total, part = total + (part or 1) * scale, 0.0
            last = "scale"
        elif word.text == "and" and last == "scale" and _continues(words, end + 1):
            continue
        else:
            break
    if not last:
        return None, at
    if last == "digits":
        return words[at].text, end
    value = total + part
    if value == math.inf:  # more digits than a number of 64 bits has room for
        return None, at
    return (str(int(value)) if value == int(value) else repr(round(value, 9))), end


def _continues(words: Sequence[AnswerWord], at: int) -> bool:
    """Say whether a spelled number below one hundred stands here, as in "one hundred and five"."""
    if at >= len(words) or words[at].text not in {**_SMALL, **_TENS}:
        return False
    following = [word.text for word in words[at + 1 : at + 3]]
    return not any(word in _SCALES for word in following)


def _without_articles(words: Sequence[AnswerWord]) -> list[AnswerWord]:
    """Return the words without articles; "A" inside a text is a name (vitamin A), and so is one alone."""
    found: list[AnswerWord] = []
    article: AnswerWord | None = None
    for at, word in enumerate(words):
        name = word.text == "a" and word.capital and (at > 0 or len(words) == 1) and not word.opens
        if word.text in _ARTICLES and not name:
            article = word
            continue
        if article is not None:
            word = replace(word, gap=article.gap + word.gap, after_article=True)
            article = None
        found.append(word)
    return found
