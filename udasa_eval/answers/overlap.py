"""How much two answers have in common: their words, whatever stands around them."""

from __future__ import annotations

from udasa_eval.answers.words import normalised


def word_set(answer: str) -> frozenset[str]:
    """Return an extracted answer's normalised words as a set."""
    return frozenset(normalised(answer).split())


def overlap(words: frozenset[str], others: frozenset[str]) -> float:
    """Return |A ∩ B| / min(|A|, |B|) in [0, 1]: 1 where one answer contains the other ("12", "12 eggs").

    Two answers without a word are one answer, 1; one without a word has nothing in common with another, 0.
    """
    if not words or not others:
        return float(not words and not others)
    return len(words & others) / min(len(words), len(others))
