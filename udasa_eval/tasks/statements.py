"""Statements to say yes or no to: what a thing is, which number is greater, which word stands first."""

from __future__ import annotations

from random import Random

from udasa_eval.tasks.task import Level, Task, a, gist
from udasa_eval.tasks.vocabulary import KINDS, LONG, MIDDLE, MIXED_UP


def statements(random: Random, level: Level) -> Task:
    """Return whether a thing is of a kind; whether a number is greater, or even; whether a word stands before
    another in the dictionary. Half of them are true, by the draw."""
    right = random.random() < 0.5
    if level == "easy":
        kind, other = random.sample(tuple(KINDS), 2)
        while {kind, other} == MIXED_UP:
            kind, other = random.sample(tuple(KINDS), 2)
        word = random.choice(KINDS[kind if right else other])
        what = word if "colour" in (kind if right else other) or word == "pliers" else a(word)
        verb = "Are" if word == "pliers" else "Is"
        return _said(f"{verb} {what} {a(kind)}?", right, gist("kind", word, kind))
    if level == "medium":
        low, high = sorted(random.sample(range(1, 100), 2))
        shown = (high, low) if right else (low, high)
        return _said(f"Is {shown[0]} greater than {shown[1]}?", right, gist("greater", low, high))
    first, second = sorted(random.sample(MIDDLE + LONG, 2), reverse=not right)
    question = f'Does the word "{first}" stand before the word "{second}" in a dictionary?'
    return _said(question, right, gist("before", *sorted((first, second))))


def _said(question: str, right: bool, key: str) -> Task:
    return Task(question, ("Yes" if right else "No",), ("No" if right else "Yes",), key)
