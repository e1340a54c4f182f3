"""Counting: how many words a list has, and how many of them are of a kind."""

from __future__ import annotations

from random import Random

from udasa_eval.tasks.task import Level, Task, gist, listed, number_task
from udasa_eval.tasks.vocabulary import KINDS, MIXED_UP


def counting(random: Random, level: Level) -> Task:
    """Return a list of up to four words to count; of up to eight; of which those of a kind count."""
    kind = random.choice(tuple(KINDS))
    if level != "hard":
        low, high = (2, 4) if level == "easy" else (5, 8)
        count = random.randint(low, high)
        words = random.sample(KINDS[kind], count)
        question = f"How many words are in this list: {listed(words)}?"
        return number_task(question, count, (count - 1, count + 1), gist("words", *sorted(words)))
    count, others = random.randint(1, 5), random.randint(1, 3)
    strange = [word for name in KINDS if name != kind and {name, kind} != MIXED_UP for word in KINDS[name]]
    words = random.sample(KINDS[kind], count) + random.sample(strange, others)
    random.shuffle(words)
    names = "pieces of furniture" if kind == "piece of furniture" else f"{kind}s"
    return number_task(
        f"How many {names} are in this list: {listed(words)}?",
        count,
        (count + others, others, count + 1),
        gist(kind, *sorted(words)),
    )
