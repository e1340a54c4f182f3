"""Letters of words: the first or last one, how many there are, the word backwards."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from udasa_eval.tasks.task import Level, Task, gist, number_task
from udasa_eval.tasks.vocabulary import KINDS, LONG, MIDDLE, SHORT

# Letters that are words, too: "a" or "i" in a response need not be its answer.
WORDS = "ai"


def spelling(random: Random, level: Level) -> Task:
    """Return a question for a word's first or last letter; for how many it has; for one letter's count, or
    the word backwards."""
    if level == "easy":
        name, at = random.choice((("first", 0), ("first", 0), ("last", -1)))
        words = SHORT + MIDDLE + KINDS["animal"] + KINDS["fruit"]
        word = random.choice([one for one in words if one[at] not in WORDS])
        others = {word[-1 - at], word[1], word[-2]} - {word[at], *WORDS}
        question = f'What is the {name} letter of the word "{word}"?'
        return Task(question, (word[at],), tuple(sorted(others)), gist(name, word))
    if level == "medium":
        word = random.choice(SHORT + MIDDLE + LONG)
        question = f'How many letters are in the word "{word}"?'
        return number_task(question, len(word), (len(word) - 1, len(word) + 1), gist("letters", word))
    if random.random() < 0.5:
        word = random.choice(LONG + KINDS["fruit"])
        letter = random.choice(sorted(set(word)))
        count = word.count(letter)
        question = f'How often does the letter "{letter}" occur in the word "{word}"?'
        task = number_task(question, count, (count - 1, count + 1), gist("often", letter, word))
        often = ("once", "twice")[count - 1 : count]
        return replace(task, answers=(*task.answers, *often))
    word = random.choice([word for word in SHORT + MIDDLE if word != word[::-1]])
    swapped = word[1::-1] + word[2:]
    wrong = tuple(dict.fromkeys(one for one in (word, swapped) if one != word[::-1]))
    question = f'How is the word "{word}" written backwards?'
    return Task(question, (word[::-1], "-".join(word[::-1])), wrong, gist("backwards", word))
