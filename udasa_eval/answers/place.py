"""Whether an answer stands where a sentence tells its answer, and is not merely met on the way."""

from __future__ import annotations

from collections.abc import Sequence

from udasa_core import AnswerWord
from udasa_eval.answers.mentions import EQUALS, Asked, Mention
from udasa_eval.answers.words import vocabulary

# Words that tell nothing: a sentence may have any number of them before it comes to its answer.
_TELLS_NOTHING = vocabulary(
    "of in on at by for to from with and or is are was were be been being it its he his she her they "
    "their this that these those which who whom whose where when what how as do does did has have had can "
    "could may might will would should also known called named usually typically commonly often generally "
    "primarily mainly most more very one not only approximately about around roughly than some any all we "
    "our us you your i my made used use uses there here into through between within during after before "
    "because due so answer question word term refers"
)
# A sentence that tells so many other things first only meets the answer.
_WANDERING = 6
_NAMING = vocabulary("term word called named")
_NAME_REACH = 4
_JOINED = vocabulary("by of for in to")
_OPERATORS = frozenset("+*/×÷")
_OPERATOR_WORDS = vocabulary("plus minus times divided multiplied")
_BY_REACH = 4


def misplaced(words: Sequence[AnswerWord], accepted: Sequence[Mention], asked: Asked) -> bool:
    """Say whether a sentence only meets its first accepted answer, on the way to or from another one.

    "Made up of 65 justices who are appointed by the President and confirmed by the 9 voting Senators" meets
    the 9; 'the term "pursuers" for what is collected through taxation' meets taxation; "the rise of Hitler
    was Joseph's work" and "the play by Hugo was written by Jean" meet Hitler and Hugo.
    """
    first = accepted[0]
    return (
        _wanders(words, first.start, asked)
        or _named_before(words, first.start, asked)
        or _subject_of_another(words, accepted, asked)
        or _second_of_two(words, first, asked)
    )


def is_operand(words: Sequence[AnswerWord], mention: Mention) -> bool:
    """Say whether a number is told as one side of a sum, "is 12 + 1", and not as its result."""
    if not words[mention.end - 1].number or mention.end >= len(words):
        return False
    if not mention.start or words[mention.start - 1].text not in EQUALS:
        return False
    following = words[mention.end]
    return bool(_OPERATORS & set(following.gap)) or following.text in _OPERATOR_WORDS


def _wanders(words: Sequence[AnswerWord], start: int, asked: Asked) -> bool:
    if start and "=" in words[start].gap:
        return False
    return sum(_is_new(word, asked) for word in words[:start]) >= _WANDERING


def _named_before(words: Sequence[AnswerWord], start: int, asked: Asked) -> bool:
    """Say whether what was asked for got another name before."""
    return any(
        words[at].text in _NAMING and _is_new(words[at + 1], asked) for at in range(start - _NAME_REACH - 1)
    )


def _subject_of_another(words: Sequence[AnswerWord], accepted: Sequence[Mention], asked: Asked) -> bool:
    """Say whether the answer only tells what the subject is of or by, and another name follows as the
    answer."""
    start, end = accepted[0].start, accepted[0].end
    if not start or words[start - 1].text not in _JOINED:
        return False
    again = {mention.start for mention in accepted[1:]}
    if end + 1 >= len(words) or words[end].text not in EQUALS or words[end].opens:
        return False
    if end + 1 not in again and _is_name(words[end + 1], asked):
        return True
    reach = range(end + 1, min(end + 1 + _BY_REACH, len(words) - 1))
    return any(
        words[at].text == "by" and at + 1 not in again and _is_name(words[at + 1], asked) for at in reach
    )


def _second_of_two(words: Sequence[AnswerWord], mention: Mention, asked: Asked) -> bool:
    """Say whether another thing is joined to it by "and" before it: "meat and milk"."""
    at = mention.start - 2
    if at < 1 or words[at + 1].text != "and" or words[at + 1].opens or words[at + 2].opens:
        return False
    other = words[at]
    plain = not other.capital and not other.number and not other.opens
    return plain and _is_new(other, asked) and words[at - 1].text not in EQUALS


def _is_new(word: AnswerWord, asked: Asked) -> bool:
    return word.text not in _TELLS_NOTHING and word.text not in asked.words


def _is_name(word: AnswerWord, asked: Asked) -> bool:
    return word.capital and not word.opens and not word.after_article and _is_new(word, asked)
