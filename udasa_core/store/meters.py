"""What is measured of one policy, and where it lies: its meters on prompts, its readings of pairs, suites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def pair_moves(base: pa.Table, policy: pa.Table) -> tuple[list[str], NDArray[float64], NDArray[float64]]:
    """Return of pairs that the base and a policy read: each one's prompt, the log-probability of its chosen
    response under the policy, and whether the policy moved it to the right side: 1 where chosen against
    rejected is likelier than under the base, 0 where less, ½ where equal."""
    import numpy as np

    reference, read = figures_from(base), figures_from(policy)
    margins = (read["chosen"] - reference["chosen"]) - (read["rejected"] - reference["rejected"])
    right = np.where(margins > 0, 1.0, np.where(margins < 0, 0.0, 0.5))
    return policy["prompt_id"].to_pylist(), read["chosen"], right


def prompt_means(prompts: Sequence[str], values: NDArray[float64]) -> tuple[list[str], NDArray[float64]]:
    """Return the prompts, sorted, and the mean of each one's rows: a prompt's pairs are not independent."""
    import numpy as np

    names, place, counts = np.unique(
        np.array(prompts, dtype=np.str_), return_inverse=True, return_counts=True
    )
    sums = np.zeros((len(names), *values.shape[1:]))
    np.add.at(sums, place, values)
    means = sums / counts.reshape(-1, *(1,) * (values.ndim - 1))
    return [str(name) for name in names], means


def figures_by_prompt(table: pa.Table) -> dict[str, dict[str, float]]:
    """Return a table's figures: name → prompt id → value, prompts without one left out."""
    prompts = table["prompt_id"].to_pylist()
    return {
        name: {prompt: float(value) for prompt, value in zip(prompts, values, strict=True) if value == value}
        for name, values in figures_from(table).items()
    }


def moves_by_prompt(read: Sequence[tuple[pa.Table, pa.Table]]) -> dict[str, tuple[float, float]]:
    """Return for each prompt the means over its pairs of what `pair_moves` says of them: log-probability of
    the chosen response, and whether it was moved to the right side. read: tables of base and policy."""
    import numpy as np

    if not read:
        return {}
    ids, chosen, right = zip(*(pair_moves(base, policy) for base, policy in read), strict=True)
    values = np.stack([np.concatenate(chosen), np.concatenate(right)], axis=1)
    prompts, means = prompt_means([prompt for part in ids for prompt in part], values)
    return {prompt: (float(logp), float(share)) for prompt, (logp, share) in zip(prompts, means, strict=True)}
