"""What the premise experiment found, and its paired comparisons clustered by question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy import bool_, float64
from numpy.typing import NDArray

from udasa_core import Metric, Resamples
from udasa_eval.experiments.arms import Training
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.pooled import pooled
from udasa_eval.statistics.paired import sign_flip

# A difference of this many standard errors is found in four of five repetitions, at 5% two-sided.
DETECTED = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8)
# Of every bootstrap and permutation of the report.
SEED = 20250723


@dataclass(frozen=True, slots=True)
class Measured:
    """One policy on Q questions at one temperature (0: greedy), K responses each.

    right: bool (Q, K). majority, best: bool (Q,), whether the majority's answer, and the response with the
    lowest U, are right. tuned: whether this is the policy's best temperature on dev. scores: all responses.
    """

    arm: str
    seed: int
    part: str
    temperature: float
    tuned: bool
    right: NDArray[bool_]
    majority: NDArray[bool_]
    best: NDArray[bool_]
    tokens: float
    truncated: float
    scores: LabelledScores

    @property
    def accuracy(self) -> float:
        """The share of right responses."""
        return float(self.right.mean())

    @property
    def any_of(self) -> float:
        """The share of questions with a right response among K."""
        return float(self.right.any(axis=1).mean())


@dataclass(frozen=True, slots=True)
class Comparison:
    """One arm against another at each one's best temperature, over the same questions and seeds.

    difference: mean over questions of the mean over seeds of the difference in accuracy, with its bootstrap
    interval by question. p: of a sign-flip test over questions. detectable: the smallest difference that this
    design finds in four of five repetitions. gained, lost: questions that most responses of all seeds got
    right after and not before, and the reverse. spread: standard deviation of the difference over seeds.
    """

    arm: str
    against: str
    difference: Metric
    any_of: Metric
    p: float
    detectable: float
    gained: int
    lost: int
    spread: float


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that was trained and measured; `part` is what was measured in the end."""

    part: str
    arms: tuple[str, ...]
    trainings: tuple[Training, ...]
    measured: tuple[Measured, ...]

    def final(self, arm: str) -> list[Measured]:
        """Return an arm's measurements at its best temperature, one a seed."""
        return [one for one in self.measured if one.arm == arm and one.part == self.part and one.tuned]

    def compare(self, arm: str, against: str) -> Comparison:
        """Compare two arms, question by question."""
        ours, theirs = self.final(arm), self.final(against)
        by_seed = np.stack(
            [a.right.mean(axis=1) - b.right.mean(axis=1) for a, b in zip(ours, theirs, strict=True)]
        )
        any_by_seed = np.stack(
            [
                a.right.any(axis=1).astype(float64) - b.right.any(axis=1)
                for a, b in zip(ours, theirs, strict=True)
            ]
        )
        differences = by_seed.mean(axis=0)
        resamples = Resamples.draw(len(differences), SEED)
        after = np.mean([one.right.mean(axis=1) for one in ours], axis=0) > 0.5
        before = np.mean([one.right.mean(axis=1) for one in theirs], axis=0) > 0.5
        error = float(differences.std(ddof=1) / np.sqrt(len(differences)))
        return Comparison(
            arm=arm,
            against=against,
            difference=resamples.mean("accuracy", differences),
            any_of=resamples.mean("any_of", any_by_seed.mean(axis=0)),
            p=sign_flip(differences, SEED),
            detectable=DETECTED * error,
            gained=int((after & ~before).sum()),
            lost=int((before & ~after).sum()),
            spread=float(by_seed.mean(axis=1).std(ddof=1)) if len(by_seed) > 1 else float("nan"),
        )


def calibration(measured: Sequence[Measured], column: str) -> Mapping[str, float]:
    """Return means over seeds of a raw dimension's pooled AUROC, PRR and calibration error on what a policy
    said."""
    found: dict[str, list[float]] = {}
    for one in measured:
        scores = one.scores
        resamples = Resamples.draw(len(scores.by_question()), SEED, resamples=2)
        for metric in pooled(scores.columns[column], scores.right, scores.question_index, resamples):
            found.setdefault(metric.name, []).append(metric.value)
    return {name: float(np.mean(values)) for name, values in found.items()}
