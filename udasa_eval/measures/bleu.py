"""BLEU of one sentence against one reference, as the evaluation of TruthfulQA counts it."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Callable

_ORDERS = 4


def bleu(text: str, reference: str) -> float:
    """Return BLEU in [0, 100] of a text against one reference; 100 is equal, 0 shares no word.

    BLEU = BP · exp(¼ Σ_{n=1..4} ln p_n), p_n the clipped n-gram precision and BP = exp(1 − r/c) where the
    text's c words are fewer than the reference's r, else 1 (Papineni, Roukos, Ward and Zhu 2002, equations 1
    to 3). Where no n-gram matches, p_n is 1 / (2^k · count), k counting such orders (Chen and Cherry 2014,
    method 3). Words are told apart as in mteval-v14's international form; case counts. A text of fewer than
    four words has no 4-gram: its BLEU is 0. So are sacrebleu's `corpus_bleu` with smooth_method "exp",
    tokenize "intl", use_effective_order False.
    """
    said, wanted = international_words(text), international_words(reference)
    logs, halvings, any_match = 0.0, 0, False
    for n in range(1, _ORDERS + 1):
        mine, theirs = _ngrams(said, n), _ngrams(wanted, n)
        total = sum(mine.values())
        matches = sum((mine & theirs).values())
        any_match = any_match or matches > 0
        if not total or not any_match:
            # Whatever has no n-gram of this order, or no word in common, scores nothing.
            return 0.0
        if not matches:
            halvings += 1
        logs += math.log(100.0 * matches / total if matches else 100.0 / (2.0**halvings * total))
    penalty = math.exp(1 - len(wanted) / len(said)) if len(said) < len(wanted) else 1.0
    return penalty * math.exp(logs / _ORDERS)


def international_words(text: str) -> list[str]:
    """Split a text into words, punctuation and symbols, by Unicode's categories.

    A mark of punctuation stands alone unless numbers are on both of its sides ("3.14"); every symbol does.
    These are mteval-v14's three substitutions, in their order, each from left to right without overlap; so
    a mark after a number at the very end stays with it ("in 1955.").
    """
    text = _spread(text.rstrip(), lambda char: not _is(char, "N"), lambda char: _is(char, "P"), "{} {} ")
    text = _spread(text, lambda char: _is(char, "P"), lambda char: not _is(char, "N"), " {} {}")
    return "".join(f" {char} " if _is(char, "S") else char for char in text).split()


def _is(char: str, category: str) -> bool:
    return unicodedata.category(char).startswith(category)


def _spread(text: str, first: Callable[[str], bool], second: Callable[[str], bool], form: str) -> str:
    """Write each pair of neighbours that fits in `form`; a pair begins after the one before it ended."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        if at + 1 < len(text) and first(text[at]) and second(text[at + 1]):
            parts.append(form.format(text[at], text[at + 1]))
            at += 2
        else:
            parts.append(text[at])
            at += 1
    return "".join(parts)


def _ngrams(words: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))
