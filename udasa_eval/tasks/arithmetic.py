"""Sums in words: of two numbers, told as a story, in two steps."""

from __future__ import annotations

from random import Random

from udasa_eval.tasks.task import Level, Task, gist, number_task, spelled
from udasa_eval.tasks.vocabulary import NAMES, THINGS


def arithmetic(random: Random, level: Level) -> Task:
    """Return a sum of two small numbers in words; a story of one step; of two."""
    if level == "easy":
        return _spelled(random)
    return _story(random) if level == "medium" else _two_steps(random)


def _spelled(random: Random) -> Task:
    first, second = random.randint(1, 9), random.randint(1, 9)
    if random.random() < 0.5:
        key = gist("plus", *sorted((first, second)))
        question = f"What is {spelled(first)} plus {spelled(second)}?"
        return number_task(question, first + second, (first + second - 1, first + second + 1), key)
    first += second
    key = gist("minus", first, second)
    question = f"What is {spelled(first)} minus {spelled(second)}?"
    return number_task(
        question, first - second, (first - second - 1, first - second + 1, first + second), key
    )


def _story(random: Random) -> Task:
    name, thing = random.choice(NAMES), random.choice(THINGS)
    first, second = random.randint(5, 30), random.randint(2, 15)
    if random.random() < 0.5:
        question = (
            f"{name} has {first} {thing}s and gets {second} more. How many {thing}s does {name} have now?"
        )
        return number_task(
            question, first + second, (abs(first - second), first + second + 10), gist("gets", first, second)
        )
    first += second
    question = (
        f"{name} has {first} {thing}s and gives away {second}. How many {thing}s does {name} have left?"
    )
    return number_task(
        question, first - second, (first + second, first - second + 10), gist("gives", first, second)
    )


def _two_steps(random: Random) -> Task:
    name, thing = random.choice(NAMES), random.choice(THINGS)
    boxes, each, more = random.randint(3, 9), random.randint(4, 12), random.randint(2, 9)
    told = f"{name} has {boxes} boxes with {each} {thing}s in each"
    if random.random() < 0.5:
        question = f"{told}, and {more} more {thing}s. How many {thing}s does {name} have in all?"
        return number_task(
            question,
            boxes * each + more,
            (boxes * each, boxes + each + more, boxes * (each + more)),
            gist("boxes and", boxes, each, more),
        )
    question = f"{told}, and gives away {more} {thing}s. How many {thing}s does {name} have left?"
    return number_task(
        question,
        boxes * each - more,
        (boxes * each, boxes + each - more, boxes * each + more),
        gist("boxes less", boxes, each, more),
    )
