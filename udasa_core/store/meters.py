"""What is measured of one policy, and where it lies: its meters on prompts, its readings of pairs, suites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from udasa_core.records import ModelRef

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy import float64
    from numpy.typing import NDArray

# How far a prompt's responses give one answer: figures that are compared between policies alone.
AGREEMENT, SINGLE = "agreement", "single cluster"
# Whether the halves of a prompt's responses have two majorities: how often chance alone flips one.
HALVES_DIFFER = "halves differ"
# The response that speaks for the answer which most give.
MAJORITY = "majority"
ENTROPY = "entropy"
# What the prompt asks.
QUESTION = "question"


@dataclass(frozen=True, slots=True)
class Measured:
    """One policy of a run under its label ("base", or a stage's), and the fingerprints of what is measured of
    it; what is not measured is not there.

    meters: of the held-out prompts. pairs: of the pairs of each stage up to its own, by the stage's label.
    suites: by name.
    """

    label: str
    policy: ModelRef
    meters: str = ""
    pairs: Mapping[str, str] = field(default_factory=dict)
    suites: Mapping[str, str] = field(default_factory=dict)

    def keys(self) -> dict[str, Any]:
        """Return the fingerprints, as ingredients of what is made of them."""
        return {"meters": self.meters, "pairs": dict(self.pairs), "suites": dict(self.suites)}


def figures_from(table: pa.Table) -> dict[str, NDArray[float64]]:
    """Return a table's columns of numbers, NaN where there is none."""
    import numpy as np
    import pyarrow as pa

    return {
        name: np.asarray(table[name].to_numpy(), dtype=np.float64)
        for name in table.column_names
        if pa.types.is_floating(table.schema.field(name).type)
    }
