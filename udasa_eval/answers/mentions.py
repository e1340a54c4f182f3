"""Where a sentence mentions an answer, and whether it asserts it: neither denied nor in contrast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from udasa_core import AnswerWord
from udasa_eval.answers.words import occurrences, vocabulary

Stance = Literal["asserted", "negated", "contrast"]

EQUALS = vocabulary("is are was were equals equal makes make gives give be becomes get")
NEGATORS = vocabulary("not never no nor neither without non hardly")
_ONLY = vocabulary("only just merely simply doubt")
_FALSE = vocabulary("false wrong incorrect untrue myth misconception mistaken")
# A negation does not reach beyond these, nor beyond the end of a clause, nor so many words.
STOPS = vocabulary("but however although though because and so therefore while whereas")
_REACH = 6
VERBS = EQUALS | vocabulary("does did do has have had can could will would should may might must")
_CONTRAST_WORDS = vocabulary("than unlike versus vs over")
_CONTRASTS = {
    ("instead", "of"),
    ("opposed", "to"),
    ("compared", "to"),
    ("compared", "with"),
    ("confused", "with"),
    ("followed", "by"),
}
_REPLACING = vocabulary("replace replaces replaced replacing")
_EXAMPLES = vocabulary("like including as")
_OTHERS = vocabulary("other others")
# What a year or a date belongs to: where the question asks for the one, the other's is another matter.
_BEGINNING = vocabulary(
    "begin began begun beginning start started starting born built erected founded opened"
)
_ENDING = vocabulary("end ended ending finish finished die died death fall fell fallen demolished closed")


@dataclass(frozen=True, slots=True)
class Mention:
    """An occurrence of an answer: words `start` to `end` (one past the last)."""

    start: int
    end: int
    stance: Stance


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question has: its words, whether it negates, and whether it offers a choice."""

    words: frozenset[str]
    negates: bool
    offers: bool
    yes_or_no: bool

    @classmethod
    def of(cls, words: Sequence[AnswerWord]) -> Asked:
        """Read a question's words."""
        texts = [word.text for word in words]
        openers = {
            "is",
            "are",
            "was",
            "were",
            "do",
            "does",
            "did",
            "can",
            "could",
            "has",
            "have",
            "will",
            "should",
        }
        return cls(
            frozenset(word.text for word in words if not word.named),
            bool(NEGATORS & set(texts)),
            "or" in texts,
            bool(texts) and texts[0] in openers,
        )

    def has(self, words: Sequence[AnswerWord]) -> bool:
        """Say whether the question has all of these words."""
        return all(word.text in self.words for word in words)


def mentions(
    words: Sequence[AnswerWord], phrases: Sequence[Sequence[AnswerWord]], asked: Asked
) -> list[Mention]:
    """Return each mention of any of the phrases, longest first where they overlap, in order."""
    found: dict[tuple[int, int], bool] = {}  # whether the words only own, or begin, what follows
    for phrase in phrases:
        for span in occurrences(words, phrase):
            part = _owns(words, span[1], phrase, asked) or _is_part_of_name(words, *span, asked)
            found[span] = found.get(span, True) and part
    kept: list[tuple[int, int]] = []
    taken: set[int] = set()
    for span in sorted(found, key=lambda span: (span[0] - span[1], span[0])):
        if taken.isdisjoint(range(*span)):
            taken.update(range(*span))
            kept += [] if found[span] else [span]
    return [Mention(*span, stance(words, *span, asked)) for span in sorted(kept)]


def stance(words: Sequence[AnswerWord], start: int, end: int, asked: Asked) -> Stance:
    """Say how a sentence stands to what it mentions at [start, end)."""
    if _denied_before(words, start, end, asked) or _denied_after(words, end, asked):
        return "negated"
    beside = _in_contrast(words, start) or _among_others(words, start) or _of_other_end(words, start, asked)
    return "contrast" if beside else "asserted"


def _owns(words: Sequence[AnswerWord], end: int, phrase: Sequence[AnswerWord], asked: Asked) -> bool:
    """Say whether what ends at `end` only owns what follows: "Leonardo's assistant" is not Leonardo.

    "Alzheimer's disease" is Alzheimer's, and "Shakespeare's Hamlet" tells who wrote the Hamlet of the
    question.
    """
    if phrase[-1].possessive or not words[end - 1].possessive or end >= len(words) or words[end].opens:
        return False
    return words[end].text not in asked.words


def _is_part_of_name(words: Sequence[AnswerWord], start: int, end: int, asked: Asked) -> bool:
    """Say whether a name of several words goes on: "Martin Luther King" is not Martin Luther."""
    if end - start < 2 or end >= len(words) or not all(word.capital for word in words[start : end + 1]):
        return False
    return words[end].gap == " " and words[end].text not in asked.words


def _denied_before(words: Sequence[AnswerWord], start: int, end: int, asked: Asked) -> bool:
    reach = 1 if asked.negates else _REACH
    for at in range(start - 1, -1, -1):
        word, following = words[at], words[at + 1]
        if following.opens:
            # "No, Paris is …" corrects what came before; "no, Paris" alone denies it.
            told = end < len(words) and words[end].text in VERBS
            return word.text == "no" and start == at + 1 and not told and not asked.yes_or_no
        if word.text in STOPS:
            return False
        if word.text in _FALSE and word.text not in asked.words:
            return True
        if word.text in NEGATORS and start - at <= reach and following.text not in _ONLY:
            return True
    return False


def _denied_after(words: Sequence[AnswerWord], end: int, asked: Asked) -> bool:
    if asked.negates:
        return False
    for at in range(end, min(end + 3, len(words))):
        if words[at].opens:
            return False
        if words[at].text in VERBS:
            following = [word.text for word in words[at + 1 : at + 3]]
            if following and following[0] in {"not", "never"}:
                return not (len(following) > 1 and following[1] in _ONLY)
            return following[:2] == ["no", "longer"] or bool(following and following[0] in _FALSE)
    return False


def _in_contrast(words: Sequence[AnswerWord], start: int) -> bool:
    for at in range(start - 1, max(start - 4, -1), -1):
        if words[at + 1].opens:
            return False
        pair = (words[at].text, words[at + 1].text)
        if at == start - 1 and words[at].text in _CONTRAST_WORDS | _REPLACING:
            return True
        if words[at].text in {"than", "unlike"}:
            return True
        if at + 1 < start and pair in _CONTRASTS:
            return True
    return False


def _among_others(words: Sequence[AnswerWord], start: int) -> bool:
    """Say whether it is an example of the others: "silver, but other metals like copper"."""
    if not start or words[start - 1].text not in _EXAMPLES:
        return False
    return bool(_OTHERS & {word.text for word in words[max(start - 5, 0) : start - 1]})


def _of_other_end(words: Sequence[AnswerWord], start: int, asked: Asked) -> bool:
    """Say whether a number tells when the thing began, where the question asks for its end, or the other way
    round."""
    begins, ends = bool(asked.words & _BEGINNING), bool(asked.words & _ENDING)
    if begins == ends or not words[start].number:
        return False
    before, after = reversed(words[max(start - 4, 0) : start]), words[start + 1 :]
    for word in (*before, *after):
        if word.text in _BEGINNING | _ENDING:
            return (word.text in _ENDING) if begins else (word.text in _BEGINNING)
    return False
