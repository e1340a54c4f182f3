"""Distinct-n: how many of the n-grams that a model says differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import regex

from udasa_core import WORD, Metric

# A word with what an apostrophe joins to it, or one sign.
_WORD = regex.compile(rf"{WORD}(?:['’]{WORD})*|[^\p{{L}}\p{{M}}\p{{N}}\s]", regex.V1)
_NORMAL = NormalDist().inv_cdf(0.975)


def word_ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    """Return a text's n-grams of lower-case words and punctuation marks, in order; none where it is shorter.

    Words, not tokens, so that models with different tokenizers compare.
    """
    words = _WORD.findall(text.lower())
    return [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]


def distinct(texts: Sequence[str], n: int) -> float:
    """Return distinct-n: different n-grams over all n-grams of all texts, in (0, 1]; 1 repeats nothing.

    It falls as texts grow longer and more: compare like numbers of texts, and read the length beside it.
    Raises ValueError where no text has n words. Source: Li, Galley, Brockett, Gao and Dolan (2016, arXiv
    1510.03055), section 5.1.
    """
    grams = [gram for text in texts for gram in word_ngrams(text, n)]
    if not grams:
        raise ValueError(f"distinct-{n} of texts without {n} words: there is no n-gram to count")
    return len(set(grams)) / len(grams)


def distinct_metric(name: str, texts: Sequence[Sequence[str]], n: int) -> Metric:
    """Return distinct-n over prompts, `texts` holding each one's responses, with a jackknife interval.

    Drawing a prompt twice makes repetition that was not there, so the bootstrap would be biased: the standard
    error is the delete-one jackknife's over prompts, the interval the value ± 1.96 errors, cut at 0 and 1.
    NaN where no text has n words; with one prompt the interval is the whole range and there is no error.
    """
    prompts = [[gram for text in some for gram in word_ngrams(text, n)] for some in texts]
    owners: dict[tuple[str, ...], int] = {}
    # How many n-grams are a prompt's own: they leave with it. −1 marks what several prompts say.
    for at, grams in enumerate(prompts):
        for gram in set(grams):
            owners[gram] = -1 if gram in owners else at
    total = sum(map(len, prompts))
    if not total:
        return Metric(name, math.nan, math.nan, math.nan, 0)
    value = len(owners) / total
    own = [0] * len(prompts)
    for at in owners.values():
        if at >= 0:
            own[at] += 1
    left_out = [
        (len(owners) - mine) / (total - len(grams))
        for mine, grams in zip(own, prompts, strict=True)
        if grams and total > len(grams)
    ]
    speaking = sum(bool(grams) for grams in prompts)
    if len(left_out) < 2:
        return Metric(name, value, 0.0, 1.0, speaking)
    mean = sum(left_out) / len(left_out)
    variance = (len(left_out) - 1) / len(left_out) * sum((share - mean) ** 2 for share in left_out)
    error = math.sqrt(variance)
    low, high = max(0.0, value - _NORMAL * error), min(1.0, value + _NORMAL * error)
    return Metric(name, value, low, high, speaking, error)
