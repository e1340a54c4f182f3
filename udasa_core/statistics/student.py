"""Student's intervals over prompts or items: of a dozen, a bootstrap would be too narrow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


def student_interval(values: NDArray[float64], fewest: int) -> tuple[float, float]:
    """Return Student's 95% interval of the mean of independent values, each a prompt's, say.

    fewest: with fewer values nothing is sure, and the interval is everything: from −∞ to ∞. Where all values
    are equal it has no width: read their number beside it.
    """
    count = len(values)
    if count < fewest:
        return -math.inf, math.inf
    from scipy.special import stdtrit

    half = float(stdtrit(count - 1, 0.975)) * float(values.std(ddof=1)) / count**0.5
    mean = float(values.mean())
    return mean - half, mean + half
