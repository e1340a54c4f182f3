"""How well each column tells right from wrong: within a question, pooled, and by the pairs it makes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import bool_, float64, intp
from numpy.typing import NDArray

from udasa_core import Metric, Resamples
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.pairs import KINDS, PairCounts, count, extremes, kinds
from udasa_eval.experiments.pooled import pooled
from udasa_eval.experiments.within import within_auroc


@dataclass(frozen=True, slots=True)
class Discrimination:
    """One column's figures.

    pairs: all its pairs; the other two are those of the questions whose majority is right, or wrong.
    """

    column: str
    metrics: tuple[Metric, ...]
    pairs: PairCounts
    pairs_majority_right: PairCounts
    pairs_majority_wrong: PairCounts

    def metric(self, name: str) -> Metric:
        """Return a figure by its name; KeyError where there is none."""
        return {metric.name: metric for metric in self.metrics}[name]


def discrimination(scores: LabelledScores, resamples: Resamples) -> tuple[Discrimination, ...]:
    """Measure every column. Metrics, each with a 95% interval clustered by question, and what their n counts:

    - within_auroc (1 best, ½ chance): mean over the questions with right and wrong responses of P(u_wrong >
      u_right) + ½ P(equal); n such questions. Also within_auroc_majority_right and _majority_wrong, over the
      questions whose majority answer is so.
    - pooled_auroc, prr, ece: see `pooled`; n scored responses.
    - right_over_wrong, both_right, both_wrong, inverted: shares of the pairs; n pairs (see `pairs.extremes`).
    - pair_accuracy: right over wrong among the pairs that differ; n those pairs. Also by majority.
    - coverage: share of responses on which the column did not abstain; n responses.

    resamples: drawn for as many clusters as there are questions.
    """
    rows = scores.by_question()
    names = list(scores.columns)
    stacked = (
        np.stack([scores.columns[name] for name in names], axis=1) if names else np.empty((len(scores), 0))
    )
    auroc, _ = within_auroc(stacked, scores.right, rows)
    majority = scores.majority_right()
    return tuple(
        _column(scores, name, auroc[:, at], majority, rows, resamples) for at, name in enumerate(names)
    )


def _column(
    scores: LabelledScores,
    name: str,
    auroc: NDArray[float64],
    majority: NDArray[bool_],
    rows: list[NDArray[intp]],
    resamples: Resamples,
) -> Discrimination:
    values = scores.columns[name]
    of = kinds(extremes(values, rows, scores.texts), scores.right)
    by_majority = {"": np.ones_like(majority), "_majority_right": majority, "_majority_wrong": ~majority}
    metrics = [
        resamples.mean(f"within_auroc{split}", np.where(part, auroc, np.nan))
        for split, part in by_majority.items()
    ]
    metrics += pooled(values, scores.right, scores.question_index, resamples)
    made = of.sum(axis=1)
    metrics += [resamples.ratio(kind, of[:, at], made) for at, kind in enumerate(KINDS)]
    rightly = of[:, KINDS.index("right_over_wrong")]
    differ = rightly | of[:, KINDS.index("inverted")]
    metrics += [
        resamples.ratio(f"pair_accuracy{split}", np.where(part, rightly, 0), np.where(part, differ, 0))
        for split, part in by_majority.items()
    ]
    clusters = len(rows)
    told = np.bincount(scores.question_index, weights=~np.isnan(values), minlength=clusters)
    sizes = np.bincount(scores.question_index, minlength=clusters)
    metrics.append(resamples.ratio("coverage", told, sizes, n=len(scores)))
    return Discrimination(
        name,
        tuple(metrics),
        count(of),
        count(of & majority[:, None]),
        count(of & ~majority[:, None]),
    )
