"""The pairs that one column makes, chosen = its least and rejected = its most uncertain response, and their
labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import bool_, float64, int64, intp
from numpy.typing import NDArray

KINDS = ("right_over_wrong", "both_right", "both_wrong", "inverted")


@dataclass(frozen=True, slots=True)
class PairCounts:
    """How many pairs are right over wrong, of two right ones, of two wrong ones, and wrong over right."""

    right_over_wrong: int
    both_right: int
    both_wrong: int
    inverted: int

    @property
    def total(self) -> int:
        """All pairs."""
        return self.right_over_wrong + self.both_right + self.both_wrong + self.inverted


def extremes(
    uncertainties: NDArray[float64], rows: Sequence[NDArray[intp]], texts: Sequence[str] = ()
) -> NDArray[int64]:
    """Return each question's chosen and rejected response, int (Q, 2), −1 where it makes no pair.

    The first of equals; abstentions (NaN) are no candidates. No pair where fewer than two responses are
    scored, where all scores are equal, or where chosen and rejected have one text.
    """
    found = np.full((len(rows), 2), -1, dtype=int64)
    for question, ours in enumerate(rows):
        scored = ours[~np.isnan(uncertainties[ours])]
        if len(scored) < 2:
            continue
        chosen = scored[np.argmin(uncertainties[scored])]
        rejected = scored[np.argmax(uncertainties[scored])]
        if uncertainties[chosen] == uncertainties[rejected]:
            continue
        if len(texts) and texts[chosen] == texts[rejected]:
            continue
        found[question] = chosen, rejected
    return found


def kinds(pairs: NDArray[int64], right: NDArray[bool_]) -> NDArray[bool_]:
    """Return of which of the four `KINDS` each question's pair is, bool (Q, 4); nothing where it makes
    none."""
    made = pairs[:, 0] >= 0
    chosen, rejected = right[pairs[:, 0]], right[pairs[:, 1]]
    return np.stack(
        [
            made & chosen & ~rejected,
            made & chosen & rejected,
            made & ~chosen & ~rejected,
            made & ~chosen & rejected,
        ],
        axis=1,
    )


def count(of: NDArray[bool_]) -> PairCounts:
    """Count the pairs of each kind; `of`: as `kinds` returns it."""
    return PairCounts(*(int(number) for number in of.sum(axis=0)))
