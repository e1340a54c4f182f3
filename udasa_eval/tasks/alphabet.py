"""The alphabet: the letter before or after, and which word comes first."""

from __future__ import annotations

import string
from random import Random

from udasa_eval.tasks.task import Level, Task, choice_task, gist, offered
from udasa_eval.tasks.vocabulary import KINDS, LONG, MIDDLE, SHORT

_WORDS = tuple(dict.fromkeys(SHORT + MIDDLE + LONG + KINDS["animal"] + KINDS["fruit"]))


def alphabet(random: Random, level: Level) -> Task:
    """Return a question for a neighbouring letter; for the first of three words; of three that begin
    alike."""
    if level == "easy":
        step = random.choice((-1, 1))
        # A and I are words, too, and in a response no sure answers.
        at = random.choice([one for one in range(1, 25) if string.ascii_lowercase[one + step] not in "ai"])
        letter, name = string.ascii_uppercase[at], "after" if step == 1 else "before"
        return Task(
            f"Which letter comes right {name} {letter} in the alphabet?",
            (string.ascii_uppercase[at + step],),
            tuple(string.ascii_uppercase[at - step].strip("AI")) or (string.ascii_uppercase[at],),
            gist(name, letter),
        )
    if level == "medium":
        words = random.sample(_WORDS, 3)
        while len({word[0] for word in words}) < len(words):
            words = random.sample(_WORDS, 3)
    else:
        letter = random.choice([one for one in string.ascii_lowercase if _beginning(one) >= 3])
        words = random.sample([word for word in _WORDS if word[0] == letter], 3)
    question = f"Which of these words comes first in alphabetical order: {offered(words)}?"
    return choice_task(question, min(words), words, gist("words", *sorted(words)))


def _beginning(letter: str) -> int:
    return sum(word[0] == letter for word in _WORDS)
