"""The pessimistic combination of several verdicts on one response."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


def doubt(
    reliable: NDArray[float64], kappa: float, weights: NDArray[float64] | None = None
) -> NDArray[float64]:
    """Return (n,) uncertainties u = 1 − clip(mean − κ·std, 0, 1) in [0, 1] from (n, M) verdicts.

    reliable: each verdict's probability that the response is good. weights: (n, M), each row with a positive
    sum; equal ones where left out. The standard deviation is the population's, weighted alike.
    """
    import numpy as np

    w = np.ones_like(reliable) if weights is None else weights
    total = w.sum(axis=1)
    mean = (w * reliable).sum(axis=1) / total
    std = np.sqrt((w * (reliable - mean[:, None]) ** 2).sum(axis=1) / total)
    u: NDArray[float64] = 1.0 - np.clip(mean - kappa * std, 0.0, 1.0)
    return u
