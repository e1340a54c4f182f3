"""Days of the week: the one before, after, so many days later, of another date of the month."""

from __future__ import annotations

from random import Random

from udasa_eval.tasks.task import Level, Task, counted, gist, words

DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
_NEAR = {
    -2: "Which day of the week is two days before {day}?",
    -1: "Which day of the week comes right before {day}?",
    1: "If today is {day}, which day is tomorrow?",
    2: "Which day of the week is two days after {day}?",
    3: "If today is {day}, which day is it in three days?",
}


def weekdays(random: Random, level: Level) -> Task:
    """Return a question for a day near by; within four weeks; for another date of a month."""
    day = random.randrange(7)
    if level == "easy":
        step = random.choice(tuple(_NEAR))
        return _day(_NEAR[step].format(day=DAYS[day]), day, step, gist("near", day, step))
    if level == "medium":
        step = random.choice([*range(4, 7), *range(8, 14), *range(15, 21)])
        back = random.random() < 0.5
        when = f"{counted(step, 'day')} ago" if back else f"in {counted(step, 'day')}"
        verb = "was" if back else "is"
        question = f"If today is {DAYS[day]}, which day of the week {verb} it {when}?"
        return _day(question, day, -step if back else step, gist("far", day, back, step))
    first, second = sorted(random.sample(range(1, 29), 2))
    question = (
        f"If the {_nth(first)} of a month is a {DAYS[day]}, which day of the week is the {_nth(second)}?"
    )
    return _day(question, day, second - first, gist("dates", day, first, second))


def _day(question: str, day: int, step: int, key: str) -> Task:
    wrong = [DAYS[(day + step + by) % 7] for by in (-1, 1)]
    if step % 7:
        wrong.append(DAYS[day])
    return Task(question, (DAYS[(day + step) % 7],), tuple(dict.fromkeys(wrong)), key)


def _nth(number: int) -> str:
    ending = "th" if 10 < number < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
