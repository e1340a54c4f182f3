"""Money: what several things cost, the change from a note, the worth of coins."""

from __future__ import annotations

from random import Random

from udasa_eval.tasks.task import Level, Task, a, counted, gist, number_task
from udasa_eval.tasks.vocabulary import NAMES, THINGS

COINS = {"quarter": 25, "dime": 10, "nickel": 5}


def money(random: Random, level: Level) -> Task:
    """Return a price of a few things alike, or of two; the change; the worth of two kinds of coins."""
    name = random.choice(NAMES)
    one, other = random.sample(THINGS, 2)
    if level == "easy":
        price, second = random.randint(1, 9), random.randint(1, 9)
        return number_task(
            f"{a(one).capitalize()} costs {counted(price, 'dollar')} and {a(other)} costs "
            f"{counted(second, 'dollar')}. How many dollars do they cost together?",
            price + second,
            (abs(price - second), price * second, price + second + 1),
            gist("both", *sorted((price, second))),
        )
    if level == "medium":
        note, price = random.choice((10, 20, 50)), random.randint(2, 19)
        price = min(price, note - 1)
        return number_task(
            f"{name} buys {a(one)} for {counted(price, 'dollar')} and pays with {note} dollars. "
            f"How many dollars does {name} get back?",
            note - price,
            (note + price, note - price + 10, price),
            gist("change", note, price),
        )
    (large, worth), (small, less) = random.sample(sorted(COINS.items()), 2)
    first, second = random.randint(2, 6), random.randint(2, 6)
    return number_task(
        f"A quarter is 25 cents, a dime 10 cents and a nickel 5 cents. How many cents are {first} {large}s "
        f"and {second} {small}s?",
        first * worth + second * less,
        (first + second, first * worth, worth + less),
        gist("coins", *sorted(((large, first), (small, second)))),
    )
