"""Paired tests over items that two models both answered, and the correction for testing several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy import float64
from numpy.typing import NDArray

_PERMUTATIONS = 10_000
# Sign patterns that are held at once: what bounds memory, with any number of items.
_AT_ONCE = 500


def sign_flip(differences: NDArray[float64], seed: int) -> float:
    """Return the two-sided p of a mean difference (Q,) under random signs, items being exchangeable.

    Never below 1/(10,000 + 1): that many sign patterns are drawn, and the observed one counts.
    """
    rng = np.random.default_rng(seed)
    observed = abs(differences.mean())
    extreme = 0
    for _ in range(_PERMUTATIONS // _AT_ONCE):
        signs = rng.choice((-1.0, 1.0), size=(_AT_ONCE, len(differences)))
        extreme += int(np.count_nonzero(np.abs(signs @ differences) / len(differences) >= observed - 1e-12))
    return float((extreme + 1) / (_PERMUTATIONS + 1))


def holm(ps: Sequence[float]) -> list[float]:
    """Return p-values corrected for testing all of them, in their order (Holm 1979).

    The smallest is multiplied by their number m, the next by m − 1, and so on; none becomes smaller than one
    before it, or larger than 1. A corrected p below α keeps the chance of any false finding below α.
    """
    order = sorted(range(len(ps)), key=ps.__getitem__)
    corrected = [0.0] * len(ps)
    least = 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, (len(ps) - rank) * ps[index]))
        corrected[index] = least
    return corrected
