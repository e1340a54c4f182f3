"""What each dimension adds to the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import float64, intp
from numpy.typing import NDArray

from udasa_core import Metric, Resamples
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.within import within_auroc, within_spearman
from udasa_eval.statistics.ranks import mid_ranks


@dataclass(frozen=True, slots=True)
class Redundancy:
    """How alike C dimensions rank, and what each adds.

    spearman: float64 (C, C), mean within-question ρ; NaN where no question defines it. together:
    within-question AUROC of the mean of all their ranks. incremental: by dimension, `together` minus the same
    without it, > 0 where it helps.
    """

    columns: tuple[str, ...]
    spearman: NDArray[float64]
    together: Metric
    incremental: tuple[Metric, ...]


def redundancy(scores: LabelledScores, columns: Sequence[str], resamples: Resamples) -> Redundancy:
    """Measure some of the columns against one another; give dimensions, not aggregates made of them.

    A response's rank in a column is taken among the column's scored responses to its question, as a share:
    (rank − ½) / m in (0, 1), equals sharing their mean. The mean of ranks goes over the columns that scored
    the response; where none is left the rank is ½.
    """
    rows = scores.by_question()
    values = np.stack([scores.columns[name] for name in columns], axis=1)
    rho = within_spearman(values, values, rows)
    ranks = _ranks(values, rows)
    told, total = ~np.isnan(ranks), np.nansum(ranks, axis=1)
    counts = told.sum(axis=1)
    without = [
        _mean(total - np.where(told[:, at], ranks[:, at], 0.0), counts - told[:, at])
        for at in range(len(columns))
    ]
    auroc, _ = within_auroc(np.stack([_mean(total, counts), *without], axis=1), scores.right, rows)
    defined = np.isfinite(rho).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        matrix = np.where(defined > 0, np.nansum(rho, axis=0) / defined, np.nan)
    return Redundancy(
        tuple(columns),
        matrix,
        resamples.mean("together_auroc", auroc[:, 0]),
        tuple(
            resamples.mean("incremental_auroc", auroc[:, 0] - auroc[:, 1 + at]) for at in range(len(columns))
        ),
    )


def _ranks(values: NDArray[float64], rows: Sequence[NDArray[intp]]) -> NDArray[float64]:
    """Return each response's rank in its question by column as a share, NaN where the column abstained."""
    ranks = np.full(values.shape, np.nan)
    for ours in rows:
        for at in range(values.shape[1]):
            scored = ours[~np.isnan(values[ours, at])]
            if len(scored):
                ranks[scored, at] = (mid_ranks(values[scored, at : at + 1])[:, 0] - 0.5) / len(scored)
    return ranks


def _mean(total: NDArray[float64], counts: NDArray[np.int64]) -> NDArray[float64]:
    # Rounded, so that equal means stay equal whatever was subtracted on the way.
    mean: NDArray[float64] = np.where(counts > 0, total / np.maximum(counts, 1), 0.5)
    return mean.round(12)
