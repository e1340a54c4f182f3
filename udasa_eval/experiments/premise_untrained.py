"""What costs no training, and must be beaten: greedy decoding, the majority's vote, the best by U."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import Metric, Resamples
from udasa_eval.experiments.arms import BASE
from udasa_eval.experiments.premise_report import SEED, Findings, Measured
from udasa_eval.statistics.paired import sign_flip


@dataclass(frozen=True, slots=True)
class Untrained:
    """One arm's accuracy, or its own majority, less what the base reaches without training.

    measure: what is compared: "one response − greedy" and so on. difference: by question, seeds averaged,
    with its bootstrap interval. p: of a sign-flip test over questions.
    """

    arm: str
    measure: str
    difference: Metric
    p: float


def against_untrained(found: Findings, arm: str) -> Iterator[Untrained]:
    """Compare an arm's single response with the base's greedy one, its majority of K and its best of K by U,
    each at its best temperature; and the two majorities with one another.

    A majority and a best of K spend K responses on an answer, where a trained policy spends one.
    """
    ours, base = found.final(arm), found.final(BASE)
    greedy = [
        one for one in found.measured if one.arm == BASE and one.part == found.part and not one.temperature
    ]
    single = _mean([one.right.mean(axis=1) for one in ours])
    sides: Mapping[str, tuple[NDArray[float64], list[Measured], str]] = {
        "one response − greedy": (single, greedy, "right"),
        "one response − majority": (single, base, "majority"),
        "one response − best by U": (single, base, "best"),
        "majority − majority": (_mean([one.majority for one in ours]), base, "majority"),
    }
    for name, (mine, theirs, what) in sides.items():
        if theirs:
            values = [getattr(one, what) for one in theirs]
            other = _mean([one.mean(axis=1) if one.ndim > 1 else one for one in values])
            differences = mine - other
            difference = Resamples.draw(len(differences), SEED).mean("accuracy", differences)
            yield Untrained(arm, name, difference, sign_flip(differences, SEED))


def _mean(by_seed: Sequence[NDArray[Any]]) -> NDArray[float64]:
    """Return the mean over seeds by question, (Q,)."""
    means: NDArray[float64] = np.stack(by_seed).astype(float64).mean(axis=0)
    return means
