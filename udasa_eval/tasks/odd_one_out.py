"""The odd one out: which of some words is of another kind."""

from __future__ import annotations

from random import Random

from udasa_eval.tasks.task import Level, Task, a, choice_task, gist, offered
from udasa_eval.tasks.vocabulary import KINDS, MIXED_UP


def odd_one_out(random: Random, level: Level) -> Task:
    """Return a question for the one word of a kind; for the one that is not; for the one that belongs to no
    kind of the others, which is not named."""
    kind, other = random.sample(tuple(KINDS), 2)
    while {kind, other} == MIXED_UP:
        kind, other = random.sample(tuple(KINDS), 2)
    own = random.sample(
        [word for word in KINDS[kind] if word not in KINDS[other]], 3 if level == "hard" else 2
    )
    odd = random.choice([word for word in KINDS[other] if word not in KINDS[kind]])
    if level == "medium":
        own.extend(random.sample([word for word in KINDS[kind] if word not in own], 1))
    words = random.sample([*own, odd], len(own) + 1)
    question = {
        "easy": f"Which of these is {a(other)}: {offered(words)}?",
        "medium": f"Which of these is not {a(kind)}: {offered(words)}?",
        "hard": f"Which word does not belong with the others: {offered(words)}?",
    }[level]
    return choice_task(question, odd, words, gist(level, *sorted(words)))
