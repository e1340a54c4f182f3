"""Entailment: does a hypothesis follow from a premise?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from udasa_core.errors import SourceError
from udasa_core.resources.protocols import Classifier

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

# How models name their labels, after lower-casing and with "-" and " " as "_".
_CONTRADICTION = (
    *("contradiction", "contradict", "contradictory", "refutes"),
    *("not_entailment", "non_entailment"),
)
_NEUTRAL = ("neutral", "undetermined", "unknown", "not_enough_info")
_ENTAILMENT = ("entailment", "entails", "entail", "supports")


class CrossEncoderEntailment:
    """Probabilities of contradiction, neutral and entailment, by a model with labels of these names.

    The order of the labels is the model's own, read from its config.json; nothing is assumed. A model that
    knows only entailment and its absence is legal: absence then counts as contradiction, and neutral is 0.
    """

    def __init__(self, classifier: Classifier, source: str) -> None:
        self._classifier = classifier
        self._source = source

    def check(self) -> None:
        """Raise SourceError where the model's labels are not those of entailment. No weight is loaded."""
        if self._classifier.problem_type in ("multi_label_classification", "regression"):
            raise SourceError(
                f"entailment {self._source}: its config.json says {self._classifier.problem_type}, and "
                "of these labels one holds. Name an entailment model"
            )
        _ = self._columns

    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> NDArray[float64]:
        """Return (len(pairs), 3) rows that sum to 1. Raises SourceError where labels are of other names."""
        import numpy as np

        self.check()
        logits = self._classifier.logits(pairs)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = powers / powers.sum(axis=1, keepdims=True)
        rows = np.zeros((len(pairs), 3), dtype=np.float64)
        for kind, column in self._columns.items():
            rows[:, kind] = shares[:, column]
        return rows

    @cached_property
    def _columns(self) -> dict[int, int]:
        """Our label (0 contradiction, 1 neutral, 2 entailment) → the model's."""
        labels = self._classifier.labels
        named = {
            kind: [n for n, label in enumerate(labels) if _plain(label) in names]
            for kind, names in enumerate((_CONTRADICTION, _NEUTRAL, _ENTAILMENT))
        }
        wanted = (0, 1, 2) if len(labels) == 3 else (0, 2)
        if len(labels) not in (2, 3) or any(len(named[kind]) != 1 for kind in wanted):
            raise SourceError(
                f"entailment {self._source}: its labels are {', '.join(labels)}; wanted are contradiction, "
                "neutral and entailment (or entailment and not_entailment). Name an entailment model, or "
                "write the names into id2label of its config.json"
            )
        return {kind: named[kind][0] for kind in wanted}


def _plain(label: str) -> str:
    return label.strip().lower().replace("-", "_").replace(" ", "_")
