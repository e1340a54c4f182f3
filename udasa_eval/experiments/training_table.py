"""What each arm was trained on, and what its losses came to, as a table: for every experiment that trains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from udasa_core import Table, TableColumn
from udasa_eval.experiments.arms import Training
from udasa_eval.experiments.pairs import KINDS

_FIGURES = ("first_loss", "last_loss", "chosen_logprob_before", "chosen_logprob_after")


def training_table(trainings: Sequence[Training], arms: Sequence[str]) -> Table:
    """Return means over seeds, a row an arm: its pairs, by kind, and the figures of its last stage."""
    cells: list[Sequence[Any]] = []
    for arm in arms:
        ours = [one for one in trainings if one.arm == arm]
        kinds = (_mean(one.composition[kind] for one in ours) for kind in KINDS)
        figures = (_mean(one.metrics.get(name, float("nan")) for one in ours) for name in _FIGURES)
        cells.append((arm, _mean(one.pairs for one in ours), *kinds, *figures))
    counts = ("pairs", "right/wrong", "both right", "both wrong", "inverted")
    header: tuple[str | TableColumn, ...] = (
        "arm",
        *(TableColumn(name, digits=1) for name in counts),
        *("loss", "last", "before", "after"),
    )
    notes = [
        "Means over seeds. Loss of the first and the last step; log-probability of the chosen responses "
        "(nats) before and after: its fall is DPO's known collapse. Both are the last stage's."
    ]
    return Table("Trainings", header, cells, notes)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
