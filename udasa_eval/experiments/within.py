"""Measures inside one question: the AUROC of uncertainties for wrongness, and rank correlation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy import bool_, float64, int64, intp
from numpy.typing import NDArray

from udasa_eval.statistics.ranks import correlations, mid_ranks


def within_auroc(
    uncertainties: NDArray[float64],
    right: NDArray[bool_],
    rows: Sequence[NDArray[intp]],
    comparable: NDArray[int64] | None = None,
) -> tuple[NDArray[float64], NDArray[int64]]:
    """Return each question's AUROC by column, and the number of pairs behind it.

    AUROC_q = mean over its right responses i and wrong ones j of [u_j > u_i] + ½ [u_j = u_i]; 1 is best, ½ is
    chance. A pair with an abstention (NaN) counts nowhere; without pairs the AUROC is NaN.

    uncertainties: (n, C). rows: the responses of each of Q questions. comparable: (n, F) attributes; given,
    only pairs count that `held_equal` finds alike. Returns float64 (Q, C) and int (Q, C).
    """
    auroc = np.full((len(rows), uncertainties.shape[1]), np.nan)
    pairs = np.zeros(auroc.shape, dtype=int64)
    for question, ours in enumerate(rows):
        rightly, wrongly = ours[right[ours]], ours[~right[ours]]
        if not len(rightly) or not len(wrongly):
            continue
        i, j = np.repeat(rightly, len(wrongly)), np.tile(wrongly, len(rightly))
        if comparable is not None:
            kept = held_equal(comparable, i, j)
            i, j = i[kept], j[kept]
        low, high = uncertainties[i], uncertainties[j]
        wins = (high > low) + 0.5 * (high == low)
        counted = ~np.isnan(low) & ~np.isnan(high)
        pairs[question] = counted.sum(axis=0)
        some = pairs[question] > 0
        auroc[question, some] = wins.sum(axis=0, where=counted)[some] / pairs[question, some]
    return auroc, pairs


def held_equal(attributes: NDArray[int64], i: NDArray[intp], j: NDArray[intp]) -> NDArray[bool_]:
    """Say of each pair whether it is alike: the first attribute within 20%, all others equal.

    Within 20%: the larger is at most 1.2 of the smaller.
    """
    first, second = attributes[i, 0], attributes[j, 0]
    near = np.maximum(first, second) * 5 <= np.minimum(first, second) * 6
    alike: NDArray[bool_] = near & (attributes[i, 1:] == attributes[j, 1:]).all(axis=1)
    return alike


def within_spearman(
    left: NDArray[float64], right: NDArray[float64], rows: Sequence[NDArray[intp]]
) -> NDArray[float64]:
    """Return Spearman's ρ of every left column with every right one inside each question, float64 (Q, L, R).

    Over the responses that both columns scored. NaN where they are fewer than two, or where either is
    constant.
    """
    rho = np.full((len(rows), left.shape[1], right.shape[1]), np.nan)
    for question, ours in enumerate(rows):
        ours_left, ours_right = left[ours], right[ours]
        for some, scored in _alike(~np.isnan(ours_left)):
            for others, seen in _alike(~np.isnan(ours_right)):
                both = scored & seen
                if both.sum() < 2:
                    continue
                rho[question][np.ix_(some, others)] = correlations(
                    mid_ranks(ours_left[both][:, some]), mid_ranks(ours_right[both][:, others])
                )
    return rho


def rank_biserial(
    uncertainties: NDArray[float64], flag: NDArray[bool_], rows: Sequence[NDArray[intp]]
) -> NDArray[float64]:
    """Return P(u higher with the flag) − P(u lower with it) inside each question, float64 (Q, C), in [−1, 1].

    −1: every flagged response has a lower u than every other. NaN where all responses, or none, have the
    flag.
    """
    auroc, _ = within_auroc(uncertainties, ~flag, rows)
    return 2 * auroc - 1


def _alike(scored: NDArray[bool_]) -> Iterator[tuple[NDArray[intp], NDArray[bool_]]]:
    """Yield the columns that abstained on the same responses, with what they scored: mostly all at once."""
    patterns, which = np.unique(scored, axis=1, return_inverse=True)
    for number in range(patterns.shape[1]):
        yield np.flatnonzero(which.reshape(-1) == number), patterns[:, number]
