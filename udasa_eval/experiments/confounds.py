"""Whether a column ranks by something cheap, length, truncation or refusal, instead of by rightness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import bool_, float64, intp
from numpy.typing import NDArray

from udasa_core import Metric, Resamples
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.within import rank_biserial, within_auroc, within_spearman

# A column follows an attribute only where the two are so strongly related, on so many questions,
_STRONG = 0.6
_ENOUGH = 10
# and where little is left with all attributes held equal: an AUROC below this, or less than this share of the
# column's excess over chance.
_LITTLE = 0.6
_LEFT = 0.5


@dataclass(frozen=True, slots=True)
class Confounds:
    """One column's relation to length, truncation and refusal.

    metrics: see `confounds`. follows: what it is named for, of "length", "truncation", "refusal". pairs: the
    right and wrong pairs behind the held-equal AUROC.
    """

    column: str
    metrics: tuple[Metric, ...]
    follows: tuple[str, ...]
    pairs: int

    @property
    def verdict(self) -> str:
        """`follows` in words, such as "follows length, follows refusal"; "" where it is empty."""
        return ", ".join(f"follows {attribute}" for attribute in self.follows)

    def metric(self, name: str) -> Metric:
        """Return a figure by its name; KeyError where there is none."""
        return {metric.name: metric for metric in self.metrics}[name]


def confounds(scores: LabelledScores, resamples: Resamples) -> tuple[Confounds, ...]:
    """Measure every column's confounds. Metrics, each with a 95% interval clustered by question:

    - spearman_tokens, spearman_truncated, spearman_refusal: mean within-question ρ of u with the attribute,
      over the questions where neither is constant. Negative: the column prefers long, cut-off or refusing
      responses.
    - lift_truncated, lift_refusal: P(u higher with the flag) − P(lower with it), in [−1, 1]. ρ with a rare
      flag stays far from ±1 even where the flag decides everything (.58 for one response in eight), this does
      not.
    - auroc_held_equal: `within_auroc` over those pairs alone that agree in truncation and refusal and whose
      lengths are within 20%; n questions with such a pair.

    A column follows an attribute when |ρ| (length) or |lift| (flags) is at least .6 with an interval that
    excludes 0, on ten questions or more, and nothing shows that it knows more: its AUROC's interval reaches
    down to ½, or the held-equal one's does, or no pair is left to hold equal, or held equal the AUROC is
    below .6 or less than half of its excess over ½ remains. It follows truncation or refusal also when it
    prefers the flagged responses so strongly though they are right no more often than the others.
    """
    rows = scores.by_question()
    names = list(scores.columns)
    stacked = (
        np.stack([scores.columns[name] for name in names], axis=1) if names else np.empty((len(scores), 0))
    )
    attributes = np.stack([scores.tokens, scores.truncated, scores.refusal], axis=1).astype(np.int64)
    rho = within_spearman(stacked, attributes.astype(float64), rows)
    lifts = {
        "truncation": rank_biserial(stacked, scores.truncated, rows),
        "refusal": rank_biserial(stacked, scores.refusal, rows),
    }
    useless = {
        "truncation": _no_righter(scores.right, scores.truncated, rows),
        "refusal": _no_righter(scores.right, scores.refusal, rows),
    }
    auroc, _ = within_auroc(stacked, scores.right, rows)
    held, pairs = within_auroc(stacked, scores.right, rows, attributes)
    found = []
    for at, name in enumerate(names):
        related = {
            "length": resamples.mean("spearman_tokens", rho[:, at, 0]),
            "truncation": resamples.mean("lift_truncated", lifts["truncation"][:, at]),
            "refusal": resamples.mean("lift_refusal", lifts["refusal"][:, at]),
        }
        equal = resamples.mean("auroc_held_equal", held[:, at])
        gone = _gone(resamples.mean("within_auroc", auroc[:, at]), equal)
        follows = tuple(
            attribute
            for attribute, relation in related.items()
            if _strong(relation) and (gone or (relation.value < 0 and useless.get(attribute, False)))
        )
        metrics = (
            related["length"],
            resamples.mean("spearman_truncated", rho[:, at, 1]),
            resamples.mean("spearman_refusal", rho[:, at, 2]),
            related["truncation"],
            related["refusal"],
            equal,
        )
        found.append(Confounds(name, metrics, follows, int(pairs[:, at].sum())))
    return tuple(found)


def _strong(relation: Metric) -> bool:
    sure = relation.low > 0 or relation.high < 0
    return relation.n >= _ENOUGH and abs(relation.value) >= _STRONG and sure


def _gone(raw: Metric, held: Metric) -> bool:
    """Say whether a column tells little once length, truncation and refusal are held equal, or never told
    much."""
    if held.n == 0 or not held.low > 0.5 or not raw.low > 0.5:
        return True
    return held.value < _LITTLE or held.value - 0.5 < _LEFT * (raw.value - 0.5)


def _no_righter(right: NDArray[bool_], flag: NDArray[bool_], rows: list[NDArray[intp]]) -> bool:
    """Say whether flagged responses are right no more often than the others of their questions, on the
    mean."""
    lifts = [
        right[ours][flag[ours]].mean() - right[ours][~flag[ours]].mean()
        for ours in rows
        if flag[ours].any() and not flag[ours].all()
    ]
    return bool(lifts) and float(np.mean(lifts)) <= 0
