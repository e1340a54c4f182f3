"""Student's intervals over prompts or items: of a dozen, a bootstrap would be too narrow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


def student_interval(values: NDArray[float64], fewest: int, unit: float = 0.0) -> tuple[float, float]:
    """Return Student's 95% interval of the mean of n independent values, each a prompt's, say.

    fewest: with fewer values nothing is sure, and the interval is everything: from −∞ to ∞. unit: by how much
    a value can differ at most, where that is known; where all values are equal, n more may still differ in
    3/n of them (the rule of three: Hanley and Lippman-Hand 1983), and the interval is that wide. Without a
    unit it has no width then: read n beside it.
    """
    count = len(values)
    if count < fewest:
        return -math.inf, math.inf
    from scipy.special import stdtrit

    half = float(stdtrit(count - 1, 0.975)) * float(values.std(ddof=1)) / count**0.5
    if values.min() == values.max():
        half = 3 * unit / count
    mean = float(values.mean())
    return mean - half, mean + half


def change_interval(before: NDArray[float64], after: NDArray[float64], fewest: int) -> tuple[float, float]:
    """Return Student's 95% interval of the mean of after − before, prompt by prompt or item by item: the one
    that gates, rounds and pages tell of a change. Where both are shares of 1, that no value changed is not
    taken for proof that none would. fewest: as of `student_interval`."""
    is_share = min(before.min(), after.min()) >= 0 and max(before.max(), after.max()) <= 1
    return student_interval(after - before, fewest, unit=float(is_share))
