"""Months and dates: the next month, days between two dates, the date so many days later."""

from __future__ import annotations

from random import Random

from udasa_eval.tasks.task import Level, Task, counted, gist, number_task, words

MONTHS = words("January February March April May June July August September October November December")
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_NTH = words("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth")


def dates(random: Random, level: Level) -> Task:
    """Return a question for a month; for days between dates of one month; for a date in the next month."""
    month = random.randrange(12)
    if level == "easy":
        return _month(random, month)
    if level == "medium":
        first, second = sorted(random.sample(range(1, 29), 2))
        name = MONTHS[month]
        return number_task(
            f"How many days after {name} {first} is {name} {second}?",
            second - first,
            (second - first + 1, second - first - 1, second + first),
            gist("between", first, second),
        )
    # February is left out: its length is the year's.
    month = random.choice([one for one in range(11) if one != 1])
    day = random.randint(15, _LENGTHS[month])
    step = random.randint(_LENGTHS[month] - day + 1, 27)
    there = day + step - _LENGTHS[month]
    following = MONTHS[month + 1]
    return Task(
        f"Which date is {counted(step, 'day')} after {MONTHS[month]} {day}?",
        _forms(following, there),
        tuple(f"{following} {one}" for one in (there - 1, there + 1) if one)
        + tuple(f"{MONTHS[month]} {one}" for one in (day + step,) if one <= _LENGTHS[month]),
        gist("later", month, day, step),
    )


def _month(random: Random, month: int) -> Task:
    step = random.choice((-1, 0, 1, 2))
    name = MONTHS[month]
    question = {
        -1: f"Which month comes right before {name}?",
        0: f"Which month is the {_NTH[month]} month of the year?",
        1: f"Which month comes right after {name}?",
        2: f"If it is {name} now, which month will it be in two months?",
    }[step]
    answer = (month + step) % 12
    wrong = {MONTHS[(answer + by) % 12] for by in (-1, 1)}
    return Task(question, (MONTHS[answer],), tuple(sorted(wrong)), gist("month", month, step))


def _forms(month: str, day: int) -> tuple[str, ...]:
    ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    nth = f"{day}{ending}"
    return (
        f"{month} {day}",
        f"{month} {nth}",
        f"{day} {month}",
        f"{nth} {month}",
        f"{nth} of {month}",
        f"{day} of {month}",
    )
