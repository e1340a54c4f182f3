"""Dissent: how far, on average, the other responses are from this one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from udasa_core import Abstain, Score

ALONE = Abstain("the prompt has one response: there is no other to compare it with")


def dissents(similarity: Sequence[Sequence[float]]) -> tuple[Score, ...]:
    """Return 1/(K−1) · Σ_{j≠i} (1 − s_ij) in [0, 1] for each i of a (K, K) similarity in [0, 1].

    Sums are rounded once, at their end, so equal rows in any order have equal dissents. Abstains for K = 1.
    """
    count = len(similarity)
    if count < 2:
        return (ALONE,) * count
    return tuple(
        math.fsum(1.0 - value for j, value in enumerate(row) if j != i) / (count - 1)
        for i, row in enumerate(similarity)
    )
