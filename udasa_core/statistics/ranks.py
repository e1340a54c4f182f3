"""Rank correlation inside groups: of the responses to one prompt, say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


def within_spearman(values: NDArray[float64]) -> NDArray[float64]:
    """Return Spearman's ρ of every column with every other inside each of Q groups.

    values: (Q, C, K): C columns of K members, NaN where a member has none. Over the members that both columns
    have, ranked among themselves, equals sharing their mean rank. Returns (Q, C, C) in [−1, 1]; NaN where
    they are fewer than two, or where either is constant.
    """
    import numpy as np

    there = np.isfinite(values).astype(np.float64)
    held = np.where(there > 0, values, 0.0)
    known = there[:, :, :, None] * there[:, :, None, :]
    # Twice a mid-rank, less its mean, is how many are below less how many are above: so no rank need be made
    # anew for each set of members that two columns share. (Q, C, K, K)
    order = np.sign(held[:, :, :, None] - held[:, :, None, :]) * known
    # Of column c, ranked among the members that column d has, too: (Q, C, D, K).
    ranks = np.einsum("qcij,qdj->qcdi", order, there) * there[:, None, :, :]
    squares = (ranks**2).sum(axis=-1)
    products = np.einsum("qcdk,qdck->qcd", ranks, ranks)
    scale = np.sqrt(squares * squares.transpose(0, 2, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: NDArray[float64] = np.where(scale > 0, products / scale, np.nan)
    return found
