"""Orders: who is the tallest, oldest or fastest of some people, from what is told of pairs of them."""

from __future__ import annotations

import itertools
from random import Random

from udasa_eval.tasks.task import Level, Task, choice_task, gist, offered
from udasa_eval.tasks.vocabulary import NAMES

# More, most; less, least.
_SCALES = (
    ("taller", "tallest", "shorter", "shortest"),
    ("older", "oldest", "younger", "youngest"),
    ("faster", "fastest", "slower", "slowest"),
    ("richer", "richest", "poorer", "poorest"),
)


def ordering(random: Random, level: Level) -> Task:
    """Return who is less of two; the first or last of three; of four, told in any order."""
    people = random.sample(NAMES, {"easy": 2, "medium": 3, "hard": 4}[level])  # the first is the most
    more, most, less, least = random.choice(_SCALES)
    told = []
    for above, below in itertools.pairwise(people):
        turned = level != "easy" and random.random() < 0.5
        told.append(f"{below} is {less} than {above}." if turned else f"{above} is {more} than {below}.")
    if level == "hard":
        random.shuffle(told)
    top = level != "easy" and random.random() < 0.5
    if level == "easy":
        # Asked is the other side, so that what was told does not answer when repeated.
        shown = random.sample(people, 2)
        asked = f"Who is {less}, {shown[0]} or {shown[1]}?"
    else:
        asked = f"Who is the {most if top else least}, {offered(random.sample(people, len(people)))}?"
    question = f"{' '.join(told)} {asked}"
    return choice_task(question, people[0 if top else -1], people, gist(question))
