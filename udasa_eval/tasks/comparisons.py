"""Comparisons: which of some numbers, amounts or fractions is the larger or the smaller one."""

from __future__ import annotations

from random import Random

from udasa_eval.tasks.task import Level, Task, choice_task, gist, offered, spelled
from udasa_eval.tasks.units import METRIC


def comparisons(random: Random, level: Level) -> Task:
    """Return two small numbers to compare; several numbers; decimals, or amounts in two units."""
    if level == "easy":
        low, high = sorted(random.sample(range(1, 21), 2))
        return _of_two(random, ("bigger", "smaller"), low, high)
    if level == "medium":
        return _of_several(random)
    return _decimals(random) if random.random() < 0.5 else _amounts(random)


def _of_two(random: Random, words: tuple[str, str], low: int, high: int) -> Task:
    word = random.choice(words)
    numbers = random.sample([low, high], 2)
    right = high if word == words[0] else low
    question = f"Which number is {word}, {numbers[0]} or {numbers[1]}?"
    return _number(question, right, numbers, gist(word, low, high))


def _of_several(random: Random) -> Task:
    numbers = random.sample(range(10, 100), random.randint(3, 5))
    word, right = random.choice((("largest", max(numbers)), ("smallest", min(numbers))))
    question = f"Which of these numbers is the {word}: {offered(list(map(str, numbers)))}?"
    return _number(question, right, numbers, gist(word, *sorted(numbers)))


def _decimals(random: Random) -> Task:
    tenths = random.randint(2, 9)
    hundredths = random.choice([one for one in range(11, 99) if one % 10 and one != tenths * 10])
    numbers = random.sample([f"0.{tenths}", f"0.{hundredths}"], 2)
    word = random.choice(("larger", "smaller"))
    larger = f"0.{tenths}" if tenths * 10 > hundredths else f"0.{hundredths}"
    right = larger if word == "larger" else next(one for one in numbers if one != larger)
    question = f"Which number is {word}, {numbers[0]} or {numbers[1]}?"
    return choice_task(question, right, numbers, gist(word, *sorted(numbers)))


def _amounts(random: Random) -> Task:
    large, small, size = random.choice(METRIC)
    count = random.randint(2, 9)
    other = random.randint(1, 3 * count - 1) * size // 2
    if other == count * size:
        other += size // 2
    amounts = [f"{count} {large}s", f"{other} {small}s"]
    word = random.choice(("more", "less"))
    right = amounts[(other > count * size) == (word == "more")]
    shown = random.sample(amounts, 2)
    question = f"Which is {word}, {shown[0]} or {shown[1]}?"
    return choice_task(question, right, amounts, gist(word, *amounts))


def _number(question: str, right: int, numbers: list[int], key: str) -> Task:
    rivals = tuple(str(one) for one in numbers if one != right)
    return Task(question, (str(right), spelled(right)), rivals, key)
