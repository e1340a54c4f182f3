"""Where stages may end: as far as labels certify a bound on the share of inverted pairs in each.

The pairs are ranked, and a simple random sample of them is labelled. Whether a stretch of N ranked pairs has
a share of inverted ones above b is tested exactly: it would have at least K = ⌊bN⌋ + 1 of them, and of its n
labelled pairs the number of inverted ones would be hypergeometric (N, K, n); p is the probability of as few
as were seen, or fewer. Nothing is assumed of the scores, nor of how errors go with rank.

A stage's ends are tested in a fixed order, from the first on, each at one level, until the first that fails
(fixed sequence testing, as in Learn then Test, arXiv 2110.01052): a stage breaks its bound with at most that
probability. The next stage begins where the one before ended. That one ended because the labels behind it
looked bad, so what is left for the next looks worse than a fresh sample would, never better: given where it
begins, its own level holds, and for S stages the levels add up. The last stage gets two parts of the risk and
each other stage one, since it has the most to lose: what an earlier one leaves the next one may still take.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import bool_, float64, int64
    from numpy.typing import NDArray

# Into how many blocks the ranked pairs are cut; stages end between blocks.
_BLOCKS = 25
# The first end that is tested is where so many inverted labels would still pass, and no more than this share
# of the labels is used up: an end that passes with none fails by a single one. Few labels allow for fewer.
_ALLOWED = (8, 7, 6, 5, 4, 3, 2, 1, 0)
_FIRST = 0.4
_ROUNDING = 1e-9


def certified_ends(
    places: NDArray[int64], inverted: NDArray[bool_], count: int, bounds: Sequence[float], risk: float
) -> list[int]:
    """Return where each stage ends among `count` ranked pairs: it has those from the end before on.

    places: (n,) ascending ranks, from 0, of the labelled pairs; inverted: (n,) what their labels say. risk:
    the probability with which any stage may break its bound. A stage of which nothing could be certified
    ends where it begins.
    """
    import numpy as np

    edges = np.linspace(0, count, min(_BLOCKS, count) + 1).astype(np.int64)
    seen = np.searchsorted(places, edges)
    wrong = np.concatenate([[0], np.cumsum(inverted)])[seen]
    ends, start = [], 0
    for number, bound in enumerate(bounds, 1):
        level = risk * (2 if number == len(bounds) else 1) / (len(bounds) + 1)
        start += _certified(edges[start:], seen[start:], wrong[start:], bound, level)
        ends.append(int(edges[start]))
    return ends


def _certified(
    edges: NDArray[int64], seen: NDArray[int64], wrong: NDArray[int64], bound: float, level: float
) -> int:
    """Return of how many blocks, from the first on, the bound is certified."""
    import numpy as np
    from scipy.stats import hypergeom

    sizes, labelled, found = (values[1:] - values[0] for values in (edges, seen, wrong))
    if not len(sizes):
        return 0
    too_many = np.floor(bound * sizes + _ROUNDING).astype(np.int64) + 1
    for allowed in _ALLOWED:
        passes = hypergeom.cdf(allowed, sizes, too_many, labelled) <= level
        first = int(np.argmax(passes))
        if passes[first] and (allowed == 0 or labelled[first] <= _FIRST * labelled[-1]):
            fails = hypergeom.cdf(found, sizes, too_many, labelled) > level
            fails[:first] = False
            stop = int(np.argmax(fails)) if fails.any() else len(sizes)
            return stop if stop > first else 0
    return 0


def is_random_sample(places: NDArray[int64], count: int) -> bool:
    """Say whether labelled pairs may be a random sample of `count` ranked ones.

    Their distribution over ranks is compared with the uniform one; a random sample fails with a probability
    below 0.001 (Dvoretzky, Kiefer and Wolfowitz).
    """
    import numpy as np

    shares = np.arange(len(places) + 1) / len(places)
    ranks: NDArray[float64] = places / count
    apart = max(np.abs(shares[1:] - ranks).max(), np.abs(shares[:-1] - ranks).max())
    return bool(apart <= np.sqrt(np.log(2 / 0.001) / (2 * len(places))) + 1 / count)
