"""Whether a text takes its answer back: in the same sentence, or in a later one."""

from __future__ import annotations

from collections.abc import Sequence

from udasa_core import AnswerWord
from udasa_eval.answers.mentions import EQUALS, Asked, Mention, mentions
from udasa_eval.answers.words import texts_of, vocabulary

_TURNS = vocabulary("actually really instead")
# With these a sentence takes back what was said before it.
TAKES_BACK = vocabulary("actually wait no sorry correction rather oops")
_CORRECTIONS = TAKES_BACK | vocabulary("however but or alternatively")
_SUBJECTS = vocabulary("it he she they this that answer these those")
_BELIEFS = vocabulary(
    "think thinks thought believe believes believed assume assumes commonly popularly often mistakenly "
    "supposedly"
)
_BUTS = vocabulary("but however although though yet")
_TRUTH = vocabulary("accurate true correct right")
_RATHER = vocabulary("actual real true correct accurate precise specific")
_IN_TRUTH = vocabulary("actually really reality fact")
_BUT_REACH = 8
# Words that agree with nothing and name nothing.
_NAMELESS = vocabulary("i it he she they this that these those in on at is was and of by for there as not so")
_PLACES = vocabulary("in on at of by for")
_TELLING = EQUALS | vocabulary("actually really called named known as")
_EQUALS_OR_WOULD = EQUALS | {"would"}
_SHORT = 3


def retracts(words: Sequence[AnswerWord], answers: Sequence[Mention], asked: Asked) -> bool:
    """Say whether a sentence turns from its answer to another one.

    "The painting by da Vinci was actually painted by Luca" does, "Paris is actually the capital" does not:
    there the answer is what the sentence is about. "Many think it is Paris, but it is Lyon" does.
    """
    first, last = answers[0].start, answers[-1].end
    if first == 0:
        return False
    for at in range(last, len(words)):
        word = words[at]
        if _calls_otherwise(words, at, asked) or (word.text in _BUTS and _takes_back(words[at + 1 :], asked)):
            return True
        in_fact = words[at - 1].text == "in" and word.text in {"fact", "reality"}
        if (word.text in _TURNS or in_fact) and _names(words[at + 1 :], asked):
            return True
        believed = [earlier.text for earlier in words[:first]]
        by_others = bool(_BELIEFS & set(believed)) and not {"i", "we"} & set(believed)
        if word.text in _BUTS and by_others and _names(words[at + 1 :], asked):
            return True
    return False


def _takes_back(clause: Sequence[AnswerWord], asked: Asked) -> bool:
    """Say whether a clause behind "but" says that what stands before it is not so: "but that's not exactly
    accurate", "but the actual inventor was …", "but a more specific answer would be …", "but it is actually
    diamond"."""
    texts = [word.text for word in clause[:_BUT_REACH]]
    for at, text in enumerate(texts):
        if text == "not" and _TRUTH & set(texts[at + 1 : at + 3]):
            return True
        if text in _RATHER and (_EQUALS_OR_WOULD & set(texts[at + 1 :])):
            return True
        if text in _IN_TRUTH and at and texts[at - 1] in EQUALS and _is_new(clause[at + 1 :], asked):
            return True
        if text in {"fact", "reality"} and EQUALS & set(texts[at + 1 : at + 3]):
            return True
    return False


def _is_new(words: Sequence[AnswerWord], asked: Asked) -> bool:
    return bool(words) and words[0].text not in asked.words | _NAMELESS


def _calls_otherwise(words: Sequence[AnswerWord], at: int, asked: Asked) -> bool:
    """Say whether what was asked for is called something else: "… astronauts are called Expeditionary"."""
    if words[at].text not in {"called", "named"} or at < 2 or words[at - 1].text not in EQUALS:
        return False
    told = words[at + 1 :]
    return (
        words[at - 2].text not in {"which", "that", "who", "also"} and bool(told) and not asked.has(told[:1])
    )


def contradicts(
    later: Sequence[AnswerWord],
    graded: Sequence[AnswerWord],
    accepted: Sequence[Sequence[AnswerWord]],
    rivals: Sequence[Sequence[AnswerWord]],
    asked: Asked,
) -> bool:
    """Say whether a later sentence asserts another answer than the graded one, or denies it.

    It does where it begins as a correction, speaks as an answer does ("it is …"), or has the frame of the
    graded sentence or of the question, and there asserts a rival, another name, or another number; or denies
    an accepted answer.
    """
    known = [texts_of(rival) for rival in rivals]
    found = mentions(later, accepted, asked)
    right = [mention for mention in found if texts_of(later[mention.start : mention.end]) not in known]
    wrong = [mention for mention in mentions(later, rivals, asked) if mention.stance == "asserted"]
    corrects = bool(later) and later[0].text in _CORRECTIONS
    if any(mention.stance == "negated" and (corrects or _denies(later, mention, asked)) for mention in right):
        return True
    if any(mention.stance == "asserted" for mention in right):
        return False
    start = _predicate(later)
    if any(
        corrects or _tells_at(later, start, mention) or _whole(later, mention, asked) for mention in wrong
    ):
        return True
    if _same_frame(later, graded, accepted, asked):
        return True
    return corrects and start is not None and _tells(later[start:], graded, asked)


def _tells_at(words: Sequence[AnswerWord], start: int | None, mention: Mention) -> bool:
    """Say whether the mention is what is told from `start` on, alone or among alternatives."""
    if start is None or not start <= mention.start <= start + _SHORT:
        return False
    return all(
        word.text in _NAMELESS - _PLACES or word.capital or word.text == "or"
        for word in words[start : mention.start]
    )


def _denies(words: Sequence[AnswerWord], mention: Mention, asked: Asked) -> bool:
    """Say whether "it is not Paris" or "Paris is not the capital of France" is what the sentence says."""
    rest = [
        word for word in words[mention.end :] if word.text not in EQUALS and word.text not in {"not", "never"}
    ]
    before = words[: mention.start]
    answers = bool(before) and (before[0].text in _SUBJECTS or _asked_for(before, asked)) and len(before) <= 8
    return (answers and not rest) or (mention.start == 0 and bool(rest) and asked.has(rest))


def _whole(words: Sequence[AnswerWord], mention: Mention, asked: Asked) -> bool:
    """Say whether nothing but the question's words, and the words of no name, stand around the mention."""
    rest = [*words[: mention.start], *words[mention.end :]]
    return _asked_for(rest, asked)


def _asked_for(words: Sequence[AnswerWord], asked: Asked) -> bool:
    return all(word.text in asked.words or word.text in EQUALS or word.text in _NAMELESS for word in words)


def _predicate(words: Sequence[AnswerWord]) -> int | None:
    """Return where what is told begins in "(actually,) it is …", or None."""
    at = 0
    while at < len(words) and (
        words[at].text in _CORRECTIONS or words[at].text in {"in", "fact", "i", "mean"}
    ):
        at += 1
    if at < len(words) and words[at].text in _SUBJECTS:
        at += 1
        verb = at
        while at < len(words) and words[at].text in _TELLING:
            at += 1
        return at if verb < at < len(words) else None
    return at if 0 < at < len(words) and len(words) - at <= _SHORT else None


def _same_frame(
    later: Sequence[AnswerWord],
    graded: Sequence[AnswerWord],
    accepted: Sequence[Sequence[AnswerWord]],
    asked: Asked,
) -> bool:
    """Say whether a later sentence has the graded sentence's words around another name or number."""
    for mention in mentions(graded, accepted, asked):
        numbers = [at for at in range(mention.start, mention.end) if graded[at].number]
        start, end = (numbers[0], numbers[0] + 1) if numbers else (mention.start, mention.end)
        if not numbers and not graded[start].capital:
            continue
        at = _opening(texts_of(later), texts_of(graded[:start]), texts_of(graded[end:]), bool(numbers))
        if at is None:
            continue
        told = later[at]
        if told.number == bool(numbers) and (told.number or told.capital) and told.text not in _NAMELESS:
            return True
    return False


def _opening(texts: list[str], before: list[str], after: list[str], number: bool) -> int | None:
    """Return where another answer stands: behind the graded sentence's beginning, or before its end."""
    if len(before) >= 2 and texts[: len(before)] == before and len(texts) > len(before):
        # A number competes only where it counts the same thing.
        counts_same = after[:1] == texts[len(before) + 1 : len(before) + 2]
        return len(before) if counts_same or not number else None
    if len(after) >= 2 and not before and texts[-len(after) :] == after and len(texts) > len(after):
        return 0
    bare = not before and not after
    return 0 if bare and number and len(texts) == 1 else None


def _names(words: Sequence[AnswerWord], asked: Asked) -> bool:
    """Say whether a name or a number that the question does not have stands here."""
    return any(
        (word.capital or word.number) and word.text not in asked.words and word.text not in _NAMELESS
        for word in words
    )


def _tells(words: Sequence[AnswerWord], graded: Sequence[AnswerWord], asked: Asked) -> bool:
    """Say whether the words begin with a name or number that neither question nor graded answer has."""
    told = words[0]
    known = {word.text for word in graded}
    fits = told.number or (told.capital and not told.after_article)
    return fits and told.text not in asked.words and told.text not in known and told.text not in _NAMELESS
