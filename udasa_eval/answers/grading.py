"""Whether a response answers a short factual question rightly, judged on its extracted final answer."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from udasa_core import (
    AnswerWord,
    answer_words,
    asks_yes_or_no,
    final_answer,
    marked_answers,
    same_word,
    sentences,
    stance,
    without_opening,
)
from udasa_eval.answers.alternatives import alternatives
from udasa_eval.answers.contradictions import TAKES_BACK, contradicts, retracts
from udasa_eval.answers.mentions import Asked, Mention, mentions
from udasa_eval.answers.other_numbers import compete, is_result
from udasa_eval.answers.place import is_operand, misplaced
from udasa_eval.answers.words import texts_of, vocabulary

# Between two boxes these make one answer of them: "\\boxed{2} or \\boxed{3}".
_JOINS = re.compile(r"\W*(?:[,;/]|\bor\b|\band\b)\W*", re.IGNORECASE)
_AFTER_PAUSE = vocabulary("but oh hmm well ah")
_EMPTY_ANSWERS = vocabulary("simple clear straightforward known as follows below following yes here")


def grade(text: str, question: str, answers: Sequence[str], rivals: Sequence[str] = ()) -> bool:
    """Say whether a response is right: it asserts an accepted answer and nothing that contradicts it.

    Judged is `final_answer` of the response, questions and fillers ("Sure!") at its beginning left out, by
    the normalised words of `answers.words`. Right iff an accepted answer stands there as whole words, neither
    negated nor in contrast ("than Paris", "Leonardo's assistant", "followed by Paris"), and
    - the sentence tells it, and does not only meet it on the way (`place.misplaced`);
    - no rival does, unless the question itself names it;
    - "or", "either" or "and" joins it to nothing else; several accepted answers may be joined;
    - beside a number no other number stands as the result (`other_numbers.compete`);
    - the sentence does not turn from it ("by da Vinci was actually painted by Luca");
    - of several marked answers the last box counts, and of those told in words ("the answer is …") all that
      none takes back ("wait", "no") agree;
    - no later sentence asserts another answer in its place.
    A response that only asks is wrong. To a question for yes or no, where one of the two is accepted, its
    `stance` decides: a statement says one of them, too. English is assumed; negation and contrast are read by
    rules, no model reads along, and where the rules doubt, the response is wrong.

    answers: accepted forms, at least one. rivals: known wrong answers, which make a mixed response wrong.
    """
    if not any(answer_words(answer) for answer in answers):
        raise ValueError(f"the question {question!r} has no accepted answer with a word in it; add one")
    accepted = {answer.lower() for answer in answers}
    if asks_yes_or_no(question) and len(accepted) == 1 and accepted <= {"yes", "no"}:
        return stance(text, question) in accepted
    body = without_opening(text)
    if not body:
        return False
    key = _Key(question, answers, rivals)
    pieces = _standing(body)
    if not all(key.right(piece) or key.empty(piece) for piece in pieces[:-1]) or not key.right(pieces[-1]):
        return False
    extracted = answer_words(final_answer(pieces[-1]))
    return not any(
        contradicts(answer_words(sentence), extracted, key.accepted, key.rivals, key.asked)
        for sentence in sentences(pieces[-1])[1:]
        if not sentence.rstrip().endswith("?")
    )


class _Key:
    """A question's accepted answers and rivals, in words."""

    def __init__(self, question: str, answers: Sequence[str], rivals: Sequence[str]) -> None:
        words = answer_words(question)
        self.asked = Asked.of(words)
        asking = answer_words(sentences(question)[-1])
        # Whom the question's last sentence asks about, and whom the question names beside.
        self.named = {word.text for word in asking[1:] if word.capital}
        self.others_named = {word.text for word in words if word.capital} - {word.text for word in asking}
        self.accepted = [answer_words(answer) for answer in answers]
        self.wrong = [rival for rival in map(answer_words, rivals) if rival]
        # What the question names is an echo, unless the question offers a choice.
        self.rivals = [rival for rival in self.wrong if self.asked.offers or not self.asked.has(rival)]

    def right(self, text: str) -> bool:
        """Say whether a text's final answer alone is right."""
        extracted = final_answer(text)
        if extracted.endswith("?"):
            return False
        words = _without_choice(answer_words(extracted), self.asked)
        found = [
            mention
            for mention in mentions(words, [*self.accepted, *self.rivals], self.asked)
            if not self._echoes(words, mention)
        ]
        asserted = [mention for mention in found if mention.stance == "asserted"]
        right = [mention for mention in asserted if self._accepts(words, mention)]
        if not right or len(right) < len(asserted):
            return False
        if any(self._accepts(words, mention) for mention in found if mention.stance == "negated"):
            return False
        return not (
            misplaced(words, right, self.asked)
            or any(alternatives(words, mention, right, self.asked) for mention in right)
            or compete(words, right, self.asked, set_aside=found)
            or retracts(words, right, self.asked)
        )

    def empty(self, text: str) -> bool:
        """Say whether a marked answer tells nothing, so that another may follow: "The answer is simple."."""
        words = answer_words(final_answer(text))
        found = mentions(words, [*self.accepted, *self.rivals], self.asked)
        denies = bool(found) and all(mention.stance != "asserted" for mention in found)
        return (
            denies
            or any(word.text == "not" for word in words[:2])
            or {word.text for word in words[:1]} <= _EMPTY_ANSWERS
        )

    def _echoes(self, words: Sequence[AnswerWord], mention: Mention) -> bool:
        """Say whether the question's own word passes for a rival: the "mouse" of which "mouses" is no
        plural."""
        said = words[mention.start : mention.end]
        return not self.asked.offers and self.asked.has(said) and not self._accepts(words, mention)

    def _accepts(self, words: Sequence[AnswerWord], mention: Mention) -> bool:
        said = words[mention.start : mention.end]
        accepted = any(_equal(said, answer) for answer in self.accepted) and not (
            # "mices" is the rival, though it may pass for a plural of "mice", and so is the "wish" of which
            # "wishes" was asked.
            any(texts_of(said) == texts_of(rival) for rival in self.wrong)
            and not any(texts_of(said) == texts_of(answer) for answer in self.accepted)
        )
        if accepted and is_operand(words, mention):
            return False
        if accepted and len(said) == 1 and said[0].text in {"yes", "no"}:
            return mention.start == 0
        if accepted and all(word.number for word in said) and self.asked.has(said) and not self.asked.offers:
            # The question's own number echoed is no answer; told as a result, or of what was asked, it is.
            return is_result(words, mention.start) or self._tells_of_asked(words, mention)
        return accepted

    def _tells_of_asked(self, words: Sequence[AnswerWord], mention: Mention) -> bool:
        """Say whether a sentence has no other number, and tells it of the names that the question asks about:
        "Dora has 9 shells.", where it is told of Ben and Dora what each has, and asked how many Dora has."""
        others = [*words[: mention.start], *words[mention.end :]]
        names = {word.text for word in others if word.capital}
        return (
            not any(word.number for word in others)
            and self.named <= {word.text for word in others}
            and names.isdisjoint(self.others_named)
        )


def _equal(said: Sequence[AnswerWord], answer: Sequence[AnswerWord]) -> bool:
    return len(said) == len(answer) and all(
        same_word(word.text, wanted.text) for word, wanted in zip(said, answer, strict=True)
    )


def _standing(text: str) -> list[str]:
    """Return the text cut at each marked answer that stands, from there to the next; the whole where none is
    marked."""
    marks = marked_answers(text)
    first = 0
    for number, (mark, following) in enumerate(itertools.pairwise(marks), start=1):
        between = text[mark.end : following.start]
        if not _JOINS.fullmatch(between) if mark.boxed else _takes_back(between):
            first = number
    starts = [mark.start for mark in marks[first:]] or [0]
    return [text[start:end] for start, end in itertools.pairwise([*starts, len(text)])]


def _takes_back(text: str) -> bool:
    """Say whether what follows "the answer is" takes the answer back: "London. No, wait:"."""
    words = answer_words(text)
    for before, word, after in zip(words, words[1:], [*words[2:], AnswerWord("")], strict=False):
        begins = word.opens or (before.opens and before.text in _AFTER_PAUSE)
        if begins and word.text in TAKES_BACK and (word.text, after.text) != ("no", "doubt"):
            return True
    return False


def _without_choice(words: Sequence[AnswerWord], asked: Asked) -> Sequence[AnswerWord]:
    """Return a sentence without the choice that it repeats: "Between iron and gold, gold is heavier."."""
    if not words or not asked.offers or words[0].text not in {"between", "of", "among", "comparing"}:
        return words
    for at, word in enumerate(words):
        if word.opens and at:
            return words[at:]
    return words
