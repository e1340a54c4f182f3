"""Units: how many of the smaller one make up an amount of the larger one."""

from __future__ import annotations

from random import Random

from udasa_eval.tasks.task import Level, Task, counted, gist, number_task

# Larger, smaller, how many of the smaller make up one.
CLOSE = (("hour", "minute", 60), ("minute", "second", 60), ("day", "hour", 24), ("week", "day", 7))
METRIC = (
    ("metre", "centimetre", 100),
    ("kilometre", "metre", 1000),
    ("kilogram", "gram", 1000),
    ("centimetre", "millimetre", 10),
    ("litre", "millilitre", 1000),
)


def units(random: Random, level: Level) -> Task:
    """Return a whole number of units turned into smaller ones; with a rest; with halves, or less a rest."""
    large, small, size = random.choice(CLOSE + METRIC)
    if level == "easy":
        count = random.randint(2, 6)
        return number_task(
            f"How many {small}s are in {counted(count, large)}?",
            count * size,
            (size, count * 10, count + size, count * 100),
            gist("whole", large, count),
        )
    rest = random.randint(1, min(size - 1, 9)) * (size // 100 or 1)
    if level == "medium":
        count = random.randint(1, 4)
        return number_task(
            f"How many {small}s are {counted(count, large)} and {counted(rest, small)} in all?",
            count * size + rest,
            (count * size, count + rest, count * size - rest),
            gist("rest", large, count, rest),
        )
    count = random.randint(2, 9)
    if size % 2 == 0 and random.random() < 0.5:
        return number_task(
            f"How many {small}s are in {count} and a half {large}s?",
            count * size + size // 2,
            (count * size, count * size + 50, count * size + 5),
            gist("half", large, count),
        )
    return number_task(
        f"How many {small}s are left if you take {counted(rest, small)} from {counted(count, large)}?",
        count * size - rest,
        (count * size, count - rest, count * size + rest),
        gist("less", large, count, rest),
    )
