"""Who speaks for a response: the dimensions that count and did not abstain."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from udasa_core import Abstain, Score

# A dimension's weight (> 0) and its score for one response.
Voice = tuple[float, float]


def combine_each(
    columns: Mapping[str, Sequence[Score]],
    weights: Mapping[str, float],
    combine: Callable[[Sequence[Voice]], float],
) -> list[Score]:
    """Return each response's U: `combine` of its voices, of which there is at least one.

    A dimension with weight 0 has no voice, nor has one that abstained for this response. Where none is left,
    U is an Abstain with the reasons of those whose weight is positive.
    """
    counted = [name for name in columns if weights[name] > 0]
    voices = [weights[name] for name in counted]
    return [
        _combine(counted, voices, scores, combine)
        for scores in zip(*(columns[name] for name in counted), strict=True)
    ]


def _combine(
    names: Sequence[str],
    weights: Sequence[float],
    scores: Sequence[Score],
    combine: Callable[[Sequence[Voice]], float],
) -> Score:
    """Return one response's U from its D scores, D ≥ 1."""
    given = [
        (weight, score)
        for weight, score in zip(weights, scores, strict=True)
        if not isinstance(score, Abstain)
    ]
    if given:
        return combine(given)
    reasons: dict[str, list[str]] = {}
    for name, score in zip(names, scores, strict=True):
        if isinstance(score, Abstain):
            reasons.setdefault(score.reason, []).append(name)
    return Abstain("; ".join(f"{', '.join(told)}: {reason}" for reason, told in reasons.items()))


def weighted_mean(voices: Sequence[Voice]) -> float:
    """Return Σ w·u / Σ w, between the lowest and the highest u."""
    # fsum rounds once, so U does not depend on the order of the dimensions.
    mean = math.fsum(w * u for w, u in voices) / math.fsum(w for w, _ in voices)
    lowest, highest = min(u for _, u in voices), max(u for _, u in voices)
    return min(max(mean, lowest), highest)
