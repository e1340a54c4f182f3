"""Dissent: how far, on average, the other responses are from this one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from udasa_core import Abstain, Score

ALONE = Abstain("the prompt has one response: there is no other to compare it with")


def dissents(similarity: Sequence[Sequence[float]], count: int) -> tuple[Score, ...]:
    """Return 1/(N−1) · Σ_{j≠i} (1 − s_ij) in [0, 1] for each of the first `count` of N texts, which are a
    prompt's responses and voters; similarity: (N, N) in [0, 1].

    Sums are rounded once, at their end, so equal rows in any order have equal dissents. Abstains for N = 1.
    """
    others = len(similarity) - 1
    if not others:
        return (ALONE,) * count
    return tuple(
        math.fsum(1.0 - value for j, value in enumerate(row) if j != i) / others
        for i, row in enumerate(similarity[:count])
    )


def votes(logprobs: Sequence[Sequence[float]]) -> list[float]:
    """Return each response's vote, the mean probability of its tokens: exp(1/T Σ_t ln p_t) in [0, 1].

    1 for each where all are so unlikely that their probabilities are 0 in floating point.
    """
    weights = [math.exp(min(0.0, math.fsum(some) / len(some))) for some in logprobs]
    return weights if math.fsum(weights) > 0.0 else [1.0] * len(weights)


def outvoted(similarity: Sequence[float], weights: Sequence[float]) -> float:
    """Return 1 − Σ_j w_j s_j / Σ_j w_j in [0, 1]: how much of the votes is against one response."""
    against = math.fsum(w * (1.0 - s) for w, s in zip(weights, similarity, strict=True))
    return min(1.0, max(0.0, against / math.fsum(weights)))
