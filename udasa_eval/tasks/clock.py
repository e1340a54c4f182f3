"""Clock times: so many hours or minutes later, or earlier."""

from __future__ import annotations

from random import Random

from udasa_eval.tasks.task import Level, Task, counted, gist, spelled


def clock(random: Random, level: Level) -> Task:
    """Return a full hour and hours; minutes within the hour; minutes over the hour, later or earlier.

    Times are on a dial of twelve hours, and none says whether it is morning.
    """
    # Hours after twelve are their own answer, which would stand in the question.
    hour = random.randint(1, 11 if level == "easy" else 12)
    if level == "easy":
        hours = random.randint(1, 5)
        question = f"It is {hour} o'clock now. What time will it be in {counted(hours, 'hour')}?"
        return _time(
            question,
            60 * (hour + hours),
            (60 * (hour + hours + 1), 60 * (hour - hours)),
            gist("hours", hour, hours),
        )
    if level == "medium":
        minute = random.randrange(0, 30, 5)
        step = random.randrange(5, 60 - minute, 5)
        start = f"{hour}:{minute:02}"
        question = f"A film starts at {start} and lasts {step} minutes. At what time does it end?"
        return _time(
            question,
            60 * hour + minute + step,
            (60 * (hour + 1) + minute, 60 * hour + step),
            gist("within", start, step),
        )
    minutes, step = random.randrange(0, 60, 5), random.choice([*range(65, 180, 5)])
    begin, back = 60 * hour + minutes, random.random() < 0.5
    shown = f"{hour}:{minutes:02}"
    if back:
        question = f"It is {shown} now. What time was it {step} minutes ago?"
    else:
        question = f"It is {shown} now. What time will it be in {step} minutes?"
    right = begin - step if back else begin + step
    return _time(
        question, right, (begin + step if back else begin - step, right + 60), gist("over", shown, step, back)
    )


def _time(question: str, right: int, wrong: tuple[int, ...], key: str) -> Task:
    rivals = dict.fromkeys(_digits(one) for one in wrong if one % 720 != right % 720)
    return Task(question, _forms(right), tuple(rivals), key)


def _digits(minutes: int) -> str:
    hour, minute = divmod(minutes % 720, 60)
    return f"{hour or 12}:{minute:02}"


def _forms(minutes: int) -> tuple[str, ...]:
    """Return how a time is told, in digits and in words."""
    hour, minute = divmod(minutes % 720, 60)
    here, following = spelled(hour or 12), spelled(hour % 12 + 1)
    told = [_digits(minutes)]
    if minute == 0:
        told += [f"{hour or 12} o'clock", f"{here} o'clock", str(hour or 12), here]
    elif minute == 30:
        told += [f"half past {here}"]
    elif minute == 15:
        told += [f"quarter past {here}"]
    elif minute == 45:
        told += [f"quarter to {following}"]
    elif minute < 30:
        told += [f"{spelled(minute)} past {here}", f"{spelled(minute)} minutes past {here}"]
    else:
        left = spelled(60 - minute)
        told += [f"{left} to {following}", f"{left} minutes to {following}"]
    return tuple(told)
