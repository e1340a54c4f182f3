"""Small tables told in a line: what stands for a name, who has the most, what two have together."""

from __future__ import annotations

from random import Random

from udasa_eval.tasks.task import Level, Task, choice_task, counted, gist, number_task, offered
from udasa_eval.tasks.vocabulary import NAMES, THINGS


def tables(random: Random, level: Level) -> Task:
    """Return a table of three to read one number from; of four, to find who has the most; to add two."""
    names = random.sample(NAMES, 4 if level == "medium" else 3)
    values = random.sample(range(1, 13), len(names))
    thing = random.choice(THINGS)
    told = ", ".join(f"{name} has {counted(value, thing)}" for name, value in zip(names, values, strict=True))
    at, other = random.sample(range(len(names)), 2)
    key = gist(level, *values, at, other if level == "hard" else "")
    if level == "easy":
        return number_task(
            f"{told}. How many {thing}s does {names[at]} have?",
            values[at],
            [value for value in values if value != values[at]],
            key,
        )
    if level == "medium":
        word, right = random.choice((("most", max(values)), ("fewest", min(values))))
        question = f"{told}. Who has the {word} {thing}s, {offered(names)}?"
        return choice_task(question, names[values.index(right)], names, gist(word, *values))
    return number_task(
        f"{told}. How many {thing}s do {names[at]} and {names[other]} have together?",
        values[at] + values[other],
        (sum(values), abs(values[at] - values[other]), values[at] + values[other] + 1),
        key,
    )
