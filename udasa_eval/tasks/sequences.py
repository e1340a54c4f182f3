"""Numbers in a row: which comes before, after, or next."""

from __future__ import annotations

from random import Random

from udasa_eval.tasks.task import Level, Task, gist, number_task


def sequences(random: Random, level: Level) -> Task:
    """Return a question for a neighbour of a number; numbers in equal steps, up or down; doubled or tripled,
    or in steps that grow."""
    if level == "easy":
        number, step = random.randint(2, 60), random.choice((-1, 1))
        name = "before" if step < 0 else "after"
        return number_task(
            f"Which number comes right {name} {number}?",
            number + step,
            (number - step, number + 2 * step),
            gist(name, number),
        )
    if level == "medium":
        step, start = random.choice((1, 1, 2, 3, 4, 5, 10)), random.randint(1, 30)
        shown = [start + step * at for at in range(5)]
        if random.random() < 0.5:
            shown.reverse()
        following = 2 * shown[-1] - shown[-2]
        if following < 0:
            shown = [one + step for one in shown]
            following += step
        return _next(shown[:4] if following < 0 else shown, shown[4] if following < 0 else following)
    start, factor = random.randint(1, 12), random.choice((2, 3))
    if random.random() < 0.5:
        return _next([start * factor**at for at in range(4)], start * factor**4)
    grows, shown = random.randint(1, 3), [start]
    step = random.randint(1, 5)
    for at in range(4):
        shown.append(shown[-1] + step + at * grows)
    return _next(shown, shown[-1] + step + 4 * grows)


def _next(shown: list[int], following: int) -> Task:
    last = shown[-1]
    told = ", ".join(map(str, shown))
    step = last - shown[-2]
    return number_task(
        f"Which number comes next: {told}?", following, (last + step, last + 1, following + 1), gist(told)
    )
