"""Tasks drawn by a seed, no two of them alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from udasa_core import UdasaError, answer_words
from udasa_eval.tasks.registry import FAMILIES
from udasa_eval.tasks.task import LEVELS, Level, Task

# What these ask for stands in the question, and a number of it is no echo.
_READ_OFF = frozenset({"comparisons", "tables"})
_TRIES = 200  # in a row without a new task: the family has no more of this level, or hardly any


def draw(seed: int, family: str, level: Level, count: int, known: Sequence[str] = ()) -> list[Task]:
    """Return so many tasks of a family and a level, of different gists: the same for the same seed.

    known: gists that are not to be drawn again.
    Raises UdasaError where the family has not so many.
    """
    random = Random(f"{seed}:{family}:{level}")
    seen = set(known)
    tasks: list[Task] = []
    misses = 0
    while len(tasks) < count:
        task = FAMILIES[family](random, level)
        if task.gist not in seen and (family in _READ_OFF or not _stands_there(task)):
            seen.add(task.gist)
            tasks.append(task)
            misses = 0
        elif (misses := misses + 1) == _TRIES:
            raise UdasaError(
                f"the family {family!r} has no more than {len(tasks)} {level} tasks of this seed; "
                "ask for fewer of each"
            )
    return tasks


def _stands_there(task: Task) -> bool:
    """Say whether every number of the answer is one of the question's, where repeating it would answer."""
    told = {word.text for word in answer_words(task.question) if word.number}
    numbers = {word.text for word in answer_words(task.answers[0]) if word.number}
    return bool(numbers) and numbers <= told


def rows(seed: int, each: int, families: Sequence[str] = (), part: str = "train") -> Iterator[dict[str, Any]]:
    """Yield rows as the labelled sets have them: so many of each family and level; of all families, if none
    is named."""
    for family in families or FAMILIES:
        for level in LEVELS:
            for number, task in enumerate(draw(seed, family, level, each), start=1):
                yield row(task, f"{family}-{level}-{number:03}", family, level, part)


def row(task: Task, name: str, family: str, level: Level, part: str) -> dict[str, Any]:
    """Return a task as a row of a labelled set, under its id."""
    return {
        "id": name,
        "question": task.question,
        "answers": list(task.answers),
        "rivals": list(task.rivals),
        "domain": family,
        "level": level,
        "part": part,
    }
