"""What the stages experiment found, and its contrasts over seeds and questions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from udasa_core import UdasaError
from udasa_eval.experiments.arms import BASE, Training
from udasa_eval.experiments.premise_report import DETECTED, SEED
from udasa_eval.statistics.paired import holm
from udasa_eval.statistics.two_way import TwoWay, two_way

ACCURACY, GREEDILY, ANY_OF_K, MAJORITY = "accuracy", "greedy accuracy", "any of K", "majority"
# Accuracy on the questions that the base answers rightly in at least half of its responses: what it may lose.
RETAINED = "retained"
_KNOWN = 0.5


@dataclass(frozen=True, slots=True)
class Measured:
    """One policy of one seed. training: None of the base.

    tuning: accuracy on dev by temperature, and `best` of them, the lowest of equals. figures: by name each
    item's value. numbers: by name what has no items: perplexity, divergence, the signal's AUROC.
    """

    arm: str
    seed: int
    training: Training | None
    tuning: Mapping[float, float]
    best: float
    figures: Mapping[str, Mapping[str, float]]
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Contrast:
    """One arm less another in one figure. holm: p corrected for all that is tested beside the primary ones,
    None of these. detectable: the smallest difference that this design finds in four of five repetitions."""

    arm: str
    against: str
    figure: str
    found: TwoWay
    holm: float | None = None

    @property
    def detectable(self) -> float:
        """See the class."""
        return DETECTED * (self.found.metric.error or 0.0)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is tested, as the configuration's [contrasts] says: arms and figures by name.

    primary: (arm, against, figure), each by itself. others: (arm, against), in each of `figures`, corrected
    for their number; so is every arm against the base.
    """

    primary: Sequence[tuple[str, str, str]]
    others: Sequence[tuple[str, str]]
    figures: Sequence[str]

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Asked:
        """Read [contrasts]. Raises UdasaError where a key is unknown, or a row is too short or too long."""
        unknown = sorted(set(table) - {"primary", "others", "figures"})
        rows = {"primary": 3, "others": 2}
        short = [key for key, size in rows.items() for row in table.get(key, ()) if len(row) != size]
        if unknown or short:
            raise UdasaError(
                f"[contrasts] {(unknown or short)[0]}: it has primary = [[arm, against, figure], …], "
                "others = [[arm, against], …] and figures = [name, …]"
            )
        primary = [(str(arm), str(against), str(figure)) for arm, against, figure in table.get("primary", ())]
        others = [(str(arm), str(against)) for arm, against in table.get("others", ())]
        return cls(primary, others, list(map(str, table.get("figures", (ACCURACY,)))))


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that was measured on one part; each policy of each seed once."""

    part: str
    arms: tuple[str, ...]
    measured: tuple[Measured, ...]

    def of(self, arm: str) -> list[Measured]:
        """Return an arm's policies, one a seed."""
        return [one for one in self.measured if one.arm == arm]

    def figures(self) -> list[str]:
        """Return the names of what every policy has by item, and of what it retains, where the base knows
        anything."""
        rest = [name for name in self.measured[0].figures if name != ACCURACY]
        shared = [name for name in rest if all(name in one.figures for one in self.measured)]
        retained = [RETAINED] if self._known(sorted(self.measured[0].figures[ACCURACY])).any() else []
        return [ACCURACY, *retained, *shared]

    def values(self, arm: str, figure: str) -> NDArray[float64]:
        """Return a figure of an arm's policies by seed and item, (S, items), items in their ids' order."""
        name = ACCURACY if figure == RETAINED else figure
        rows = [one.figures[name] for one in self.of(arm)]
        ids = sorted(rows[0])
        values = np.array([[row[item] for item in ids] for row in rows])
        return values[:, self._known(ids)] if figure == RETAINED else values

    def number(self, arm: str, name: str) -> NDArray[float64]:
        """Return what has no items, (S,); NaN where it was not measured."""
        return np.array([one.numbers.get(name, np.nan) for one in self.of(arm)])

    def contrast(self, arm: str, against: str, figure: str) -> Contrast:
        """Compare two arms, seed by seed and item by item."""
        differences = self.values(arm, figure) - self.values(against, figure)
        return Contrast(arm, against, figure, two_way(figure, differences, SEED))

    def contrasts(self, asked: Asked) -> list[Contrast]:
        """Return the primary contrasts, and all others that are asked for, corrected for their number."""
        primary = [one for one in asked.primary if self._has(*one[:2]) and one[2] in self.figures()]
        found = [self.contrast(*one) for one in primary]
        told = {(one.arm, one.against, one.figure) for one in found}
        against_base = ((arm, BASE) for arm in self.arms)
        pairs = dict.fromkeys([*against_base, *asked.others, *(one[:2] for one in asked.primary)])
        rest = [
            self.contrast(arm, against, figure)
            for arm, against in pairs
            if self._has(arm, against)
            for figure in self.figures()
            if figure in asked.figures and (arm, against, figure) not in told
        ]
        corrected = holm([one.found.p for one in rest])
        return [*found, *(replace(one, holm=p) for one, p in zip(rest, corrected, strict=True))]

    def _has(self, *arms: str) -> bool:
        return all(arm in (BASE, *self.arms) for arm in arms)

    def _known(self, ids: Sequence[str]) -> NDArray[np.bool_]:
        base = [one.figures[ACCURACY] for one in self.of(BASE)]
        means = np.array([np.mean([row[item] for row in base]) for item in ids])
        known: NDArray[np.bool_] = means >= _KNOWN
        return known


def trainings(found: Findings) -> Iterator[Training]:
    """Yield what is told of each training."""
    for one in found.measured:
        if one.training is not None:
            yield one.training
