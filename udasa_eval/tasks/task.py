"""A task: a question that a program made, with the answer that it knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

Level = Literal["easy", "medium", "hard"]
LEVELS: tuple[Level, ...] = ("easy", "medium", "hard")


@dataclass(frozen=True, slots=True)
class Task:
    """A question with one answer.

    answers: every accepted form, at least one. rivals: what typical mistakes lead to; none is an answer.
    gist: what makes it another task than its like: two of one gist ask the same in other dress.
    """

    question: str
    answers: tuple[str, ...]
    rivals: tuple[str, ...]
    gist: str


# A family: makes one task of a level, the same for the same state of the random numbers.
Family = Callable[[Random, Level], Task]


def words(text: str) -> tuple[str, ...]:
    """Return the words of a list that is written as a text."""
    return tuple(text.split())


_SMALL = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = words("- - twenty thirty forty fifty sixty seventy eighty ninety")


def spelled(number: int) -> str:
    """Return a number from 0 to 999,999 in words: "two hundred and five"."""
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return _TENS[tens] + (f"-{_SMALL[rest]}" if rest else "")
    unit, name = (100, "hundred") if number < 1000 else (1000, "thousand")
    head, rest = divmod(number, unit)
    joint = " and " if unit == 100 or rest < 100 else " "
    return f"{spelled(head)} {name}" + (f"{joint}{spelled(rest)}" if rest else "")


def number_task(question: str, answer: int, mistakes: Iterable[int], gist: str) -> Task:
    """Return a task whose answer is a number from 0, in digits and in words.

    mistakes: numbers that one gets by typical mistakes; those below 0 and the answer itself are left out, and
    the numbers beside the answer stand in where none is left.
    """
    wrong = dict.fromkeys(one for one in mistakes if one >= 0 and one != answer)
    rivals = tuple(map(str, wrong)) or tuple(str(one) for one in (answer - 1, answer + 1) if one >= 0)
    return Task(question, (str(answer), spelled(answer)), rivals, gist)


def choice_task(question: str, answer: str, offered: Sequence[str], gist: str) -> Task:
    """Return a task whose answer is one of what the question offers; the others are its rivals."""
    return Task(question, (answer,), tuple(one for one in offered if one != answer), gist)


def counted(number: int, thing: str) -> str:
    """Return a number of things as one writes it: "1 apple", "3 apples"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def a(thing: str) -> str:
    """Return a thing with its article: "an apple"."""
    return f"{'an' if thing[0] in 'aeiou' else 'a'} {thing}"


def listed(things: Sequence[str]) -> str:
    """Return things as a list: "a, b, c"."""
    return ", ".join(things)


def offered(things: Sequence[str]) -> str:
    """Return things to choose from: "a, b or c". A response that repeats them all chooses none."""
    return f"{listed(things[:-1])} or {things[-1]}"


def gist(*parts: object) -> str:
    """Return a gist of its parts."""
    return "/".join(map(str, parts))
