"""What answers to one question share: their content words, and whether they say yes or no."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from udasa_core.text.answer_words import answer_words, same_word
from udasa_core.text.final_answer import final_answer
from udasa_core.text.sentences import sentences
from udasa_core.text.stance import Stance, asks_yes_or_no, stance
from udasa_core.text.words import vocabulary, words

_HEDGES = vocabulary(
    "typically usually commonly most mostly main mainly primary primarily used use made located typical "
    "common widely often generally specifically refer refers referred type kind form however but so such "
    "than then into through very more many some other any all just only about approximately around "
    "actually really considered due this that these those it its there is are was were be been being am "
    "do does did has have had will would can could also called known named of in on at to for from by "
    "with and or as he she they his her their which who whom whose what when where how why"
)
_NEGATIONS = vocabulary("not no never")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response's final answer, as it compares with other answers to the same question.

    words: its content words, as `answer_words` has them, plurals as singulars: those that the question does
    not have; all of them where there are no others, or where the question offers a choice. What a prompt
    tells before it asks is not the question: its answer may stand there. stance: to a question for yes or no,
    which of them it says. negated: whether it denies. echoes: whether it says nothing but the question's
    words, or repeats all that the prompt tells, and says neither yes nor no.
    """

    words: frozenset[str]
    stance: Stance | None
    negated: bool
    echoes: bool

    def agreement(self, other: Answer, closeness: float) -> float:
        """Return in [0, 1] how far two answers that are not the same text agree.

        Two that say yes or no agree if they say the same. An answer that only echoes the question agrees with
        none. Any others agree by ½ (closeness + |A ∩ B| / min(|A|, |B|)): the overlap coefficient of their
        words, 0 where one denies and one does not, tells 12 from 13, which an embedder hardly does, and
        forgives elaboration. closeness: how near they are in meaning, in [0, 1].
        """
        if (settled := self.says_as(other)) is not None:
            return float(settled)
        if self.echoes or other.echoes:
            return 0.0
        return (closeness + self._overlap(other)) / 2.0

    def same_as(self, other: Answer) -> bool:
        """Return whether two answers are one, in other words perhaps: one cluster of what a model says.

        Two that say yes or no are, if they say the same. Any others are, if both deny or neither does, and
        more than half of the words of the one that has fewer are the other's, too: "Leonardo" and "Leonardo
        da Vinci, in 1503", not "1914 to 1918" and "1914 to 1919". An answer that only echoes the question is
        one with none. No model is asked: with words alone, it is the same for every run.
        """
        if (settled := self.says_as(other)) is not None:
            return settled
        return not (self.echoes or other.echoes) and self._overlap(other) > 0.5

    def says_as(self, other: Answer) -> bool | None:
        """Return whether two answers that say yes or no say the same; None where either says neither."""
        return self.stance == other.stance if self.stance and other.stance else None

    def _overlap(self, other: Answer) -> float:
        if self.negated != other.negated:
            return 0.0
        if not self.words or not other.words:
            return float(self.words == other.words)
        return len(self.words & other.words) / min(len(self.words), len(other.words))


def answer_to(question: str, text: str) -> Answer:
    """Return a response's final answer to a question, the whole text where it has none."""
    asked = _asked(question)
    spelt = _spelt(final_answer(text) or text)
    told = frozenset(word for word in spelt if word not in _HEDGES and word not in _NEGATIONS)
    said = stance(text, question) if asks_yes_or_no(question) else None
    content = (told if asked.chooses else told - asked.words) or told or frozenset(spelt)
    repeats = bool(asked.context) and asked.context <= told
    return Answer(
        words=content,
        stance=said,
        negated=not _NEGATIONS.isdisjoint(spelt),
        echoes=said is None and not asked.chooses and bool(content) and (content <= asked.words or repeats),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """A prompt's words: those of the sentences that ask, of all where none does; whether it offers a choice;
    and what several clauses tell before it asks: who repeats it all chooses none of it."""

    words: frozenset[str]
    chooses: bool
    context: frozenset[str]


@lru_cache(maxsize=64)
def _asked(prompt: str) -> _Asked:
    """Read a prompt, once for all of its responses."""
    every = sentences(prompt)
    asking = [one for one in every if one.rstrip().endswith("?")] or every
    telling = [one for one in every if one not in asking]
    words = frozenset(_spelt(" ".join(asking)))
    clauses = len(telling) + sum(word.opens for one in telling for word in answer_words(one))
    told = frozenset(_spelt(" ".join(telling))) - words - _HEDGES if clauses > 1 else frozenset()
    return _Asked(words, "or" in _spelt(prompt), told)


def _spelt(text: str) -> list[str]:
    return [_singular(word.text) for word in answer_words(text)] or words(text)


def _singular(word: str) -> str:
    singular = word[:-1]
    return singular if word.endswith("s") and word not in _HEDGES and same_word(word, singular) else word
