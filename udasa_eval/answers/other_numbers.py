"""Other numbers beside a numeric answer, and which of them compete with it as the result."""

from __future__ import annotations

from collections.abc import Sequence

from udasa_core import AnswerWord
from udasa_eval.answers.alternatives import UNITS
from udasa_eval.answers.mentions import EQUALS, Asked, Mention, stance
from udasa_eval.answers.words import vocabulary

_MONTHS = vocabulary(
    "january february march april may june july august september october november december jan feb mar apr "
    "jun jul aug sep sept oct nov dec"
)
_COMPARED = vocabulary("more less fewer times greater larger smaller higher lower")
# Between two numbers with nothing but these, the second is another result of the same slot: "8 to 10", "12,
# which is 13".
_LINKS = EQUALS | vocabulary(
    "to or and which that it this i e ie about approximately around actually rather maybe perhaps again "
    "then later in at on of so"
)
_YEARS = range(1000, 2101)


def compete(
    words: Sequence[AnswerWord], answers: Sequence[Mention], asked: Asked, set_aside: Sequence[Mention] = ()
) -> bool:
    """Say whether a number stands in the sentence as another result than the answer.

    Not such: a number of the question or of the answer itself, a day beside its month, a number denied or
    compared with, a number inside what is `set_aside`, a year where the answer is none, the pronoun "one", a
    name (the Seven Years' War), and a number of something else ("8 legs and 2 body parts"). Such is one that
    follows an equals sign or its word, one that is joined to the answer by nothing but linking words, and one
    that counts the same thing or stands behind the same two words.
    """
    numeric = [mention for mention in answers if _numeric(words[mention.start : mention.end])]
    numbers = [at for mention in numeric for at in range(mention.start, mention.end) if words[at].number]
    if not numbers:
        return False
    told = {words[at].text for at in numbers}
    covered = {at for mention in [*answers, *set_aside] for at in range(mention.start, mention.end)}
    is_year = any(_is_year(words[at]) for at in numbers)
    for at, word in enumerate(words):
        if word.text == "because":
            break  # what follows is the working
        if not word.number or at in covered or word.text in told or word.text in asked.words:
            continue
        if (
            word.spelled_one
            or word.named
            or _is_day(words, at)
            or stance(words, at, at + 1, asked) != "asserted"
        ):
            continue
        if _is_year(word) != is_year and (_is_year(word) or not _ends(words, at)):
            continue
        if not _ends(words, at) and words[at + 1].text in _COMPARED:
            continue
        if _is_result(words, at) or any(_rivals(words, number, at) for number in numbers):
            return True
    return False


def is_result(words: Sequence[AnswerWord], at: int) -> bool:
    """Say whether an equals sign, or its word, or nothing at all, stands before the word."""
    return at == 0 or _is_result(words, at) or words[at - 1].text in {"answer", "equals"}


def _is_result(words: Sequence[AnswerWord], at: int) -> bool:
    if at + 1 < len(words):
        following = words[at + 1]
        if set("+*/×÷=") & set(following.gap) or following.text in {"plus", "minus", "times", "divided"}:
            return False
    return "=" in words[at].gap or (at > 0 and words[at - 1].text in EQUALS and _ends(words, at))


def _rivals(words: Sequence[AnswerWord], answer: int, other: int) -> bool:
    first, second = sorted((answer, other))
    between = words[first + 1 : second]
    joined = words[second].gap if not between else ""
    if all(word.text in _LINKS for word in between) and not set("+*/×÷=(") & set(joined):
        # "from 1939 to 1945" tells a span, not two results.
        return not (_is_year(words[answer]) and first > 0 and words[first - 1].text == "from")
    return _neighbours(words, answer, other)


def _neighbours(words: Sequence[AnswerWord], answer: int, other: int) -> bool:
    """Say whether both numbers count the same noun, or stand behind the same two words."""
    after = [tuple(word.text for word in words[at + 1 : at + 3]) for at in (answer, other)]
    before = [tuple(word.text for word in words[max(at - 2, 0) : at]) for at in (answer, other)]
    same_noun = bool(after[0]) and bool(after[1]) and after[0][0] == after[1][0]
    if same_noun and after[0][0] == "degrees" and len(after[0]) == len(after[1]) == 2:
        same_noun = after[0] == after[1]
    same_noun = same_noun and after[0][0] not in _LINKS
    return same_noun or (len(before[0]) == 2 and before[0] == before[1])


def _ends(words: Sequence[AnswerWord], at: int) -> bool:
    """Say whether a clause ends behind the word."""
    return at + 1 == len(words) or words[at + 1].opens


def _numeric(words: Sequence[AnswerWord]) -> bool:
    """Say whether an answer is a quantity or a date, and no name with a number in it ("Apollo 11")."""
    names = (word.capital and word.text not in _MONTHS and word.text not in UNITS for word in words)
    return any(word.number for word in words) and not any(names)


def _is_year(word: AnswerWord) -> bool:
    return word.number and word.text.isdigit() and int(word.text) in _YEARS


def _is_day(words: Sequence[AnswerWord], at: int) -> bool:
    """Say whether a number below 32 stands beside a month."""
    if not words[at].text.isdigit() or not 0 < int(words[at].text) < 32:
        return False
    near = [words[beside].text for beside in (at - 2, at - 1, at + 1, at + 2) if 0 <= beside < len(words)]
    return any(word in _MONTHS for word in near)
