"""Whether a response answers a short factual question rightly, judged on its extracted final answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from udasa_core import final_answer, sentences
from udasa_eval.answers.alternatives import alternatives
from udasa_eval.answers.contradictions import contradicts, retracts
from udasa_eval.answers.mentions import Asked, Mention, mentions
from udasa_eval.answers.other_numbers import compete, is_result
from udasa_eval.answers.place import is_operand, misplaced
from udasa_eval.answers.words import Word, same, vocabulary, words_of

_MARKER = re.compile(
    r"\b(?:(?:the|my)\s+)?(?:final\s+|correct\s+|right\s+)?answer(?:\s+to\s+[^.:\n]{1,80}?)?\s*(?:is\b|:)",
    re.IGNORECASE,
)
# "The answer is 8. Spiders …": the 8 is no number of a list, and a line's end says so.
_MARKED_NUMBER = re.compile(rf"({_MARKER.pattern}\s*-?\d+)\.(?=\s)", re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\{[^{}]*\}")
_FILLERS = vocabulary(
    "sure certainly of course yes okay ok well great good question absolutely thank thanks you for asking "
    "hello hi i can help with that"
)
_EMPTY_ANSWERS = vocabulary("simple clear straightforward known as follows below following yes here")


def grade(text: str, question: str, answers: Sequence[str], rivals: Sequence[str] = ()) -> bool:
    """Say whether a response is right: it asserts an accepted answer and nothing that contradicts it.

    Judged is `final_answer` of the response, questions and fillers ("Sure!") at its beginning left out, by
    the normalised words of `answer_words`. Right iff an accepted answer stands there as whole words, neither
    negated nor in contrast ("than Paris", "Leonardo's assistant", "followed by Paris"), and
    - the sentence tells it, and does not only meet it on the way (`answer_place.misplaced`);
    - no rival does, unless the question itself names it;
    - "or", "either" or "and" joins it to nothing else; several accepted answers may be joined;
    - beside a number no other number stands as the result (`other_numbers.compete`);
    - the sentence does not turn from it ("by da Vinci was actually painted by Luca");
    - all of the text's markers ("the answer is …") agree, and no later sentence asserts another answer in its
      place.
    A response that only asks is wrong. English is assumed; negation and contrast are read by rules, no model
    reads along, and where the rules doubt, the response is wrong.

    answers: accepted forms, at least one. rivals: known wrong answers, which make a mixed response wrong.
    """
    if not any(words_of(answer) for answer in answers):
        raise ValueError(f"the question {question!r} has no accepted answer with a word in it; add one")
    body = _MARKED_NUMBER.sub(r"\1\n", _answering(text))
    if not body:
        return False
    key = _Key(question, answers, rivals)
    pieces = _marked(body)
    if len(pieces) > 1 and not all(key.right(piece) or key.empty(piece) for piece in pieces):
        return False
    extracted = final_answer(body)
    told = sentences(pieces[-1])
    later = told[1:] if told else []
    return key.right(body) and not any(
        contradicts(words_of(sentence), words_of(extracted), key.accepted, key.rivals, key.asked)
        for sentence in later
        if not sentence.rstrip().endswith("?")
    )


class _Key:
    """A question's accepted answers and rivals, in words."""

    def __init__(self, question: str, answers: Sequence[str], rivals: Sequence[str]) -> None:
        words = words_of(question)
        self.asked = Asked.of(words)
        self.accepted = [words_of(answer) for answer in answers]
        # What the question names is an echo, unless the question offers a choice.
        self.rivals = [
            rival
            for rival in map(words_of, rivals)
            if rival and (self.asked.offers or not self.asked.has(rival))
        ]

    def right(self, text: str) -> bool:
        """Say whether a text's final answer alone is right."""
        extracted = final_answer(text)
        if extracted.endswith("?"):
            return False
        words = _without_choice(words_of(extracted), self.asked)
        found = [
            one
            for one in mentions(words, [*self.accepted, *self.rivals], self.asked)
            if not self._echoes(words, one)
        ]
        asserted = [one for one in found if one.stance == "asserted"]
        right = [one for one in asserted if self._accepts(words, one)]
        if not right or len(right) < len(asserted):
            return False
        if any(self._accepts(words, one) for one in found if one.stance == "negated"):
            return False
        return not (
            misplaced(words, right, self.asked)
            or any(alternatives(words, one, right, self.asked) for one in right)
            or compete(words, right, self.asked, set_aside=found)
            or retracts(words, right, self.asked)
        )

    def empty(self, text: str) -> bool:
        """Say whether a marked answer tells nothing, so that another may follow: "The answer is simple."."""
        words = words_of(final_answer(text))
        found = mentions(words, [*self.accepted, *self.rivals], self.asked)
        denies = bool(found) and all(one.stance != "asserted" for one in found)
        return (
            denies
            or any(word.text == "not" for word in words[:2])
            or {word.text for word in words[:1]} <= _EMPTY_ANSWERS
        )

    def _echoes(self, words: Sequence[Word], mention: Mention) -> bool:
        """Say whether the question's own word passes for a rival: the "mouse" of which "mouses" is no
        plural."""
        said = words[mention.start : mention.end]
        return not self.asked.offers and self.asked.has(said) and not self._accepts(words, mention)

    def _accepts(self, words: Sequence[Word], mention: Mention) -> bool:
        said = words[mention.start : mention.end]
        accepted = any(_equal(said, answer) for answer in self.accepted) and not (
            # "mices" is the rival, though it may pass for a plural of "mice".
            any(_texts(said) == _texts(rival) for rival in self.rivals)
            and not any(_texts(said) == _texts(answer) for answer in self.accepted)
        )
        if accepted and is_operand(words, mention):
            return False
        if accepted and len(said) == 1 and said[0].text in {"yes", "no"}:
            return mention.start == 0
        if accepted and all(word.number for word in said) and self.asked.has(said) and not self.asked.offers:
            # The question's own number echoed is no answer; told as a result it is.
            return is_result(words, mention.start)
        return accepted


def _equal(said: Sequence[Word], answer: Sequence[Word]) -> bool:
    return len(said) == len(answer) and all(
        same(one.text, other.text) for one, other in zip(said, answer, strict=True)
    )


def _texts(words: Sequence[Word]) -> list[str]:
    return [word.text for word in words]


def _answering(text: str) -> str:
    """Return a text without the questions and fillers that it begins with."""
    rest = text
    for sentence in sentences(text):
        words = words_of(sentence)
        asks = sentence.rstrip("\"'”’)* ").endswith("?")
        fills = (
            len(words) <= 6 and all(word.text in _FILLERS for word in words) and sentence.rstrip()[-1:] != ":"
        )
        if not asks and not (fills and len(sentences(rest)) > 1):
            return rest
        rest = rest[rest.index(sentence) + len(sentence) :]
    return ""


def _marked(text: str) -> list[str]:
    """Return the text cut at each marked answer, what comes before the first left out; the whole where none
    is."""
    starts = [match.start() for match in _BOXED.finditer(text)]
    if not starts:
        starts = [match.start() for match in _MARKER.finditer(text) if sentences(text[match.end() :])]
    if not starts:
        return [text]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def _without_choice(words: Sequence[Word], asked: Asked) -> Sequence[Word]:
    """Return a sentence without the choice that it repeats: "Between iron and gold, gold is heavier."."""
    if not words or not asked.offers or words[0].text not in {"between", "of", "among", "comparing"}:
        return words
    for at, word in enumerate(words):
        if word.opens and at:
            return words[at:]
    return words
