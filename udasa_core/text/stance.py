"""Yes or no: what a response says to a question that asks for one of the two."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from udasa_core.text.answer_words import answer_words, same_word
from udasa_core.text.final_answer import final_answer, marked_answers
from udasa_core.text.sentences import asks, sentences
from udasa_core.text.words import vocabulary, words

Stance = Literal["yes", "no"]

# What a question begins with that is answered by yes or no.
_ASKING = vocabulary(
    "is are was were am do does did has have had can could will would shall should may might must"
)
# The first word of an answer, in the languages that are asked most.
_YES = vocabulary(
    "yes yeah yep yup true correct affirmative да sí sim oui ja はい 是 对 네 예 نعم हाँ हां ναι כן"
)
_NO = vocabulary(
    "no nope nah never not false incorrect negative neither нет não non nein nee nej いいえ 不 否 아니요 "
    "아니오 لا नहीं όχι לא"
)
# Words that agree, unless a denial follows: "Absolutely not."
_AGREEING = vocabulary(
    "absolutely certainly definitely indeed surely sure of course exactly right well so oh"
)
_DENIALS = vocabulary(
    "not no non never neither nor none nobody nothing nowhere without hardly false untrue incorrect"
)
# "Not" before one of these leaves the answer open.
_UNDECIDED = vocabulary(
    "provided known clear available sure certain always necessarily entirely straightforward"
)
# "A: no."
_LABEL = re.compile(r"^\s*(?:A|Answer)\s*[:：]\s*")
# Words of a question that an answer need not repeat.
_LIGHT = vocabulary(
    "a an the this that these those it its there you your i we they he she to of in on at for by with and as "
    "be been being ever any some"
)


@lru_cache(maxsize=64)
def asks_yes_or_no(question: str) -> bool:
    """Say whether a question's last sentence is answered by yes or no.

    It begins with an auxiliary verb ("Is", "Can") and offers no choice by "or". English questions are
    recognised, others are not.
    """
    asked = _asked(question)
    return bool(asked) and asked[0] in _ASKING and "or" not in asked


def stance(text: str, question: str) -> Stance | None:
    """Return what a response says to a question that `asks_yes_or_no`; None where it says neither.

    It says so by its first word ("No.", "Absolutely not", also that of an answer that it marks as such), or
    as a statement that has the question's words, and denies or does not deny: "A whale is a fish." says yes
    to "Is a whale a fish?", and "It is not safe to drink bleach." says no to whether it is. A question asked
    back, and a statement of other things ("It began in 1914."), say neither.
    """
    marked = marked_answers(text)
    said = _LABEL.sub("", marked[-1].text if marked else text)
    told = [words(sentence) for sentence in sentences(said) if not asks(sentence)]
    while len(told) > 1 and _AGREEING.issuperset(told[0]):
        told.pop(0)  # "Sure! No, it is not."
    if not told:
        return None
    return _opening(told[0]) or _stated(final_answer(said), question)


def _asked(question: str) -> list[str]:
    found = sentences(question)
    return [word.text for word in answer_words(found[-1])] if found else []


def _opening(spelt: Sequence[str]) -> Stance | None:
    """Return what an answer's first words say by themselves."""
    for number, word in enumerate(spelt):
        if word == "not" and _UNDECIDED.intersection(spelt[number + 1 : number + 3]):
            return None
        if word in _NO:
            return "no"
        if word in _YES:
            return "yes"
        if word not in _AGREEING:
            return None
    return "yes"


def _stated(sentence: str, question: str) -> Stance | None:
    """Return what a statement says that has all of the question's words of weight.

    It denies by a word that stands before the last of these: what comes behind is about something else.
    """
    asked, stated = _asked(question), [word.text for word in answer_words(sentence)]
    if not stated or stated[0] in _ASKING:
        return None
    if all(word in _LIGHT or word in _ASKING or word in _DENIALS for word in stated):
        return "no" if _denies(stated) else "yes"  # "It is.", "They cannot."
    weighty = [word for word in asked[1:] if word not in _LIGHT and word not in _DENIALS]
    places = [
        next((at for at, other in enumerate(stated) if same_word(word, other)), None) for word in weighty
    ]
    found = [place for place in places if place is not None]
    if not found or len(found) < len(places):
        return None
    return "no" if _denies(stated[: max(found)]) != _denies(asked) else "yes"


def _denies(spelt: Sequence[str]) -> bool:
    """Say whether words deny once, and not twice."""
    return sum(word in _DENIALS for word in spelt) % 2 == 1
