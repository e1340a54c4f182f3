"""Places in a list: the first, the last, the third, the one before another."""

from __future__ import annotations

from random import Random

from udasa_eval.tasks.task import Level, Task, choice_task, gist, offered
from udasa_eval.tasks.vocabulary import KINDS, MIDDLE

_NTH = ("first", "second", "third", "fourth", "fifth")


def positions(random: Random, level: Level) -> Task:
    """Return a question for the first or last of a short list; for a place in it; for a neighbour."""
    words = random.sample(MIDDLE + KINDS["animal"] + KINDS["fruit"], {"easy": 3, "medium": 5}.get(level, 6))
    words = list(dict.fromkeys(words))
    near = ""
    if level == "easy":
        name, at = random.choice((("first", 0), ("last", -1)))
        asked = f"is the {name} one"
    elif level == "medium":
        at = random.randrange(1, len(words) - 1)
        asked = f"is the {_NTH[at]} one"
    else:
        at = random.randrange(1, len(words) - 1)
        step, name = random.choice(((-1, "after"), (1, "before")))
        near = words[at + step]
        asked = f'stands right {name} "{near}"'
    question = f"Which of these words {asked}: {offered(words)}?"
    # A response may well name the neighbour that was asked about.
    return choice_task(question, words[at], [word for word in words if word != near], gist(asked, *words))
