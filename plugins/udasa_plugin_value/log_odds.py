"""A reader's probabilities as log-odds, which can be added and subtracted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

# A reader surer than this counts as this sure, so that log-odds stay finite.
_SUREST = 1e-6


def log_odds(p: NDArray[float64]) -> NDArray[float64]:
    """Return ln(p / (1 − p)) of probabilities in [0, 1], in about ±13.8."""
    import numpy as np
    from scipy.special import logit

    odds: NDArray[float64] = logit(np.clip(p, _SUREST, 1.0 - _SUREST))
    return odds
