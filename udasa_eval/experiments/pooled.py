"""Measures over all questions together: AUROC, prediction-rejection ratio, calibration error."""

from __future__ import annotations

import numpy as np
from numpy import bool_, float64, intp
from numpy.typing import NDArray

from udasa_core import Metric, Resamples

_BINS = 10
# Resamples held in memory at once: (resamples, responses) stays within a processor's cache.
_CELLS = 2**16


def pooled(
    uncertainties: NDArray[float64],
    right: NDArray[bool_],
    question_index: NDArray[intp],
    resamples: Resamples,
) -> tuple[Metric, Metric, Metric]:
    """Return one column's pooled AUROC, prediction-rejection ratio and calibration error.

    Abstentions (NaN) are left out, and n is the number of responses left. A resample repeats whole questions.

    - pooled_auroc: P(u_wrong > u_right) + ½ P(equal) over all right/wrong pairs, of whatever question.
    - prr = (A(u) − A(random)) / (A(oracle) − A(random)), in (−∞, 1]: A is the mean over k = 1 … n of the
      share of right ones among the k responses of lowest u; random is the share of right ones in all, the
      oracle takes the right ones first. It is lm-polygraph's PredictionRejectionArea with max_rejection = 1,
      except that equals are taken in random order, in expectation. 1 is best, 0 is chance.
    - ece: the expected calibration error Σ_b n_b/n |right share_b − mean (1 − u)_b| over ten bins of equal
      mass, equals never apart, of the scores as they are. The bins stay those of the sample in its resamples.
      A bin's noise only adds to it, so that its interval lies somewhat high.
    """
    kept = ~np.isnan(uncertainties)
    u, is_right, questions = uncertainties[kept], right[kept].astype(float64), question_index[kept]
    n = len(u)
    if not n:
        auroc, prr, ece = (Metric(name, np.nan, np.nan, np.nan, 0) for name in ("pooled_auroc", "prr", "ece"))
        return auroc, prr, ece
    return (*_ranked(u, is_right, questions, resamples), _calibration(u, is_right, questions, resamples))


def _ranked(
    u: NDArray[float64], right: NDArray[float64], questions: NDArray[intp], resamples: Resamples
) -> tuple[Metric, Metric]:
    order = np.argsort(u, kind="stable")
    starts = np.concatenate([[0], np.flatnonzero(np.diff(u[order])) + 1]).astype(intp)
    right, questions = right[order], questions[order]
    auroc, prr = _areas(np.ones((1, len(u))), right, starts)
    drawn = np.empty((2, len(resamples.counts)))
    step = max(1, _CELLS // len(u))
    for start in range(0, len(resamples.counts), step):
        some = slice(start, start + step)
        drawn[:, some] = _areas(resamples.counts[some][:, questions], right, starts)
    return (
        resamples.metric("pooled_auroc", float(auroc[0]), drawn[0], len(u)),
        resamples.metric("prr", float(prr[0]), drawn[1], len(u)),
    )


def _areas(
    weights: NDArray[float64], right: NDArray[float64], starts: NDArray[intp]
) -> tuple[NDArray[float64], NDArray[float64]]:
    """Return AUROC and PRR for each row of weights, (B,) each.

    weights: how often each response is drawn, (B, n), the responses ordered by u. starts: where each run of
    equal u begins.
    """
    rightly = weights * right
    if len(starts) < weights.shape[1]:
        weights, rightly = (np.add.reduceat(part, starts, axis=1) for part in (weights, rightly))
    through, right_through = np.cumsum(weights, axis=1), np.cumsum(rightly, axis=1)
    total, right_total = through[:, -1], right_through[:, -1]
    wrong_total = total - right_total
    before, right_before = through - weights, right_through - rightly
    # Each right response is below every wrong one, but for those before it and half of its equals.
    lost = np.einsum("bg,bg->b", rightly, before - right_before + 0.5 * (weights - rightly))
    # In a run of w equals, r of them right, behind K others, R of them right, the expected share of right
    # ones among the first K + j is (R + j r/w) / (K + j) = r/w + (R − K r/w) / (K + j); its sum needs Σ 1/(K
    # + j).
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, int(total.max()) + 1))])
    steps = np.diff(harmonic[through.astype(intp)], axis=1, prepend=0.0)
    share = rightly / np.maximum(weights, 1.0)
    area = right_total + np.einsum("bg,bg->b", right_before - share * before, steps)
    oracle = right_total * (1.0 + harmonic[total.astype(intp)] - harmonic[right_total.astype(intp)])
    chance = right_total
    one_kind = (right_total == 0) | (wrong_total == 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        auroc = 1.0 - lost / (right_total * wrong_total)
        prr = (area - chance) / (oracle - chance)
    return np.where(one_kind, np.nan, auroc), np.where(one_kind, np.nan, prr)


def _calibration(
    u: NDArray[float64], right: NDArray[float64], questions: NDArray[intp], resamples: Resamples
) -> Metric:
    n = len(u)
    _, which, counts = np.unique(u, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    bins = np.minimum((_BINS * middle[which] / n).astype(intp), _BINS - 1)
    clusters = resamples.counts.shape[1]
    excess = np.zeros((clusters, _BINS))
    np.add.at(excess, (questions, bins), right - (1.0 - u))
    sizes = np.bincount(questions, minlength=clusters).astype(float64)
    drawn = np.abs(resamples.counts @ excess).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        resampled = drawn / (resamples.counts @ sizes)
    return resamples.metric("ece", float(np.abs(excess.sum(axis=0)).sum() / n), resampled, n)
