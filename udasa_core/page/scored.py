"""What the scores of a round's training responses say together: how they are spread, what they go with.

Read shard by shard: what is held grows by a few numbers a prompt, and by none a response.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from udasa_core.errors import StoreError
from udasa_core.page.drawing import Estimate
from udasa_core.statistics.ranks import within_spearman
from udasa_core.statistics.student import student_interval
from udasa_core.store.answered import dimensions
from udasa_core.store.moves import FEWEST
from udasa_core.store.output import TRAINING, Output
from udasa_core.store.runs import Run

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy import float64
    from numpy.typing import NDArray

PARTS = 20
# Prompts that are counted at once: a call a shard would cost more than what it counts.
_AT_ONCE = 512


class Related:
    """A figure in [−1, 1] over Q prompts, each with a value of its own or NaN: its mean, with Student's
    interval."""

    def __init__(self, label: str, values: NDArray[float64]) -> None:
        import numpy as np

        found = values[np.isfinite(values)]
        self.n = len(found)
        self.estimate = Estimate(label, None, None, None)
        if self.n:
            low, high = student_interval(found, FEWEST, unit=2.0)
            # Both figures lie in [−1, 1], and so does all that can be said of their means.
            bounds = (max(low, -1.0), min(high, 1.0)) if math.isfinite(low) else (None, None)
            self.estimate = Estimate(label, float(found.mean()), *bounds)


@dataclass(frozen=True, slots=True)
class Scored:
    """What the scores of one round's training responses say.

    names: U ("U, aggregated" where a dimension is called so), and the dimensions. raw, calibrated: by name
    how many responses fall into each of PARTS equal parts of [0, 1]; U is calibrated alone. sides: the same
    of U for "chosen" and "rejected". spearman: (N, N), the mean over prompts of Spearman's ρ of the responses
    to one prompt, NaN where no prompt defines it. defined: (N, N), over how many prompts. length: each name's
    ρ with the number of tokens. cut_off: how much higher a prompt's responses that were cut off lie than its
    whole ones.
    """

    names: list[str]
    raw: dict[str, NDArray[float64]]
    calibrated: dict[str, NDArray[float64]]
    sides: dict[str, NDArray[float64]]
    spearman: NDArray[float64]
    defined: NDArray[float64]
    length: list[Related]
    cut_off: list[Related]


def scored(run: Run, round: int) -> Scored | None:
    """Return it; None where nothing is scored. round: from 0. Raises StoreError for a damaged output."""
    import numpy as np

    own = dimensions(run)
    found = _Collected(["U, aggregated" if "U" in own else "U", *own])
    try:
        for samples, scores in _shards(run, round):
            found.add(samples, scores)
        found.take()
    except ValueError as error:
        raise StoreError(
            f"the manifest of run {run.name} points at scores that lack a dimension, or do not belong to its "
            "responses; run the same configuration again"
        ) from error
    if not found.rho:
        return None
    for key in run.keys(Output("pair", TRAINING, round)):
        if run.store.has("pair", key):
            found.add_pairs(run.store.read_table("pair", key, ("chosen_U", "rejected_U")))
    rho, cut = np.concatenate(found.rho), np.concatenate(found.cut)
    there = np.isfinite(rho)
    defined = there.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(defined > 0, np.where(there, rho, 0.0).sum(axis=0) / defined, np.nan)
    names, count = found.names, len(found.names)
    return Scored(
        names,
        found.raw,
        found.calibrated,
        found.sides,
        mean[:count, :count],
        defined[:count, :count].astype(np.float64),
        [Related(name, rho[:, place, count]) for place, name in enumerate(names)],
        [Related(name, cut[:, place]) for place, name in enumerate(names)],
    )


def _shards(run: Run, round: int) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield samples and scores of the shards that have both."""
    keys = [run.keys(Output(step, TRAINING, round)) for step in ("sample", "aggregate")]
    for sample, aggregate in zip(*keys, strict=False):
        if run.store.has("sample", sample) and run.store.has("aggregate", aggregate):
            yield (
                run.store.read_table("sample", sample, ["responses"]),
                run.store.read_table("aggregate", aggregate, ["U", "calibrated", "raw"]),
            )


class _Collected:
    """What is counted and measured so far."""

    def __init__(self, names: list[str]) -> None:
        import numpy as np

        self.names = names
        self.raw = {name: np.zeros(PARTS) for name in names[1:]}
        self.calibrated = {name: np.zeros(PARTS) for name in names}
        self.sides = {side: np.zeros(PARTS) for side in ("chosen", "rejected")}
        self.rho: list[NDArray[float64]] = []
        self.cut: list[NDArray[float64]] = []
        self._waiting: list[tuple[NDArray[float64], NDArray[float64], NDArray[float64], pa.Table]] = []

    def add(self, samples: pa.Table, scores: pa.Table) -> None:
        """Add a shard. It waits until there are enough for one call to count many."""
        import pyarrow.compute as pc

        responses = pc.list_flatten(samples["responses"])
        sizes = pc.list_value_length(samples["responses"])
        tokens = pc.list_value_length(pc.struct_field(responses, "token_ids"))
        is_cut = pc.equal(pc.struct_field(responses, "finish_reason"), "length")
        self._waiting.append((_floats(sizes), _floats(tokens), _floats(is_cut), scores))
        if sum(len(waiting[0]) for waiting in self._waiting) >= _AT_ONCE:
            self.take()

    def take(self) -> None:
        """Count what waits. Raises ValueError where scores are not as many as responses."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        if not self._waiting:
            return
        *parts, tables = zip(*self._waiting, strict=True)
        sizes, tokens, is_cut = (np.concatenate(part) for part in parts)
        scores, self._waiting = pa.concat_tables(tables), []
        columns = [_values(scores["U"])]
        for name in self.names[1:]:
            columns.append(_values(pc.map_lookup(scores["calibrated"], name, "first")))
            self.raw[name] += _counts(_values(pc.map_lookup(scores["raw"], name, "first")))
        for name, values in zip(self.names, columns, strict=True):
            self.calibrated[name] += _counts(values)
        padded = [_padded(one, sizes) for one in (*columns, tokens, is_cut)]
        values, cut = np.stack(padded[:-1], axis=1), padded[-1][:, None, :]
        self.cut.append(_mean(values[:, :-1], cut == 1) - _mean(values[:, :-1], cut == 0))
        self.rho.append(within_spearman(values))

    def add_pairs(self, pairs: pa.Table) -> None:
        """Add a shard's pairs."""
        for side, counts in self.sides.items():
            counts += _counts(_floats(pairs[f"{side}_U"]))


def _floats(column: Any) -> NDArray[float64]:
    """Return a column's numbers, NaN for null."""
    import numpy as np

    return np.asarray(column.to_numpy(), dtype=np.float64)


def _values(scores: Any) -> NDArray[float64]:
    """Return the values of lists of scores, one after the other, NaN for an abstention."""
    import pyarrow.compute as pc

    return _floats(pc.struct_field(pc.list_flatten(scores), "value"))


def _counts(values: NDArray[float64]) -> NDArray[float64]:
    import numpy as np

    return np.histogram(values[np.isfinite(values)], bins=PARTS, range=(0, 1))[0].astype(np.float64)


def _padded(values: NDArray[float64], sizes: NDArray[float64]) -> NDArray[float64]:
    """Return a row a prompt, NaN behind its last response."""
    import numpy as np

    rows = np.full((len(sizes), int(sizes.max(initial=0))), np.nan)
    rows[np.arange(rows.shape[1]) < sizes[:, None]] = values
    return rows


def _mean(values: NDArray[float64], wanted: NDArray[Any]) -> NDArray[float64]:
    """Return the means over the wanted responses that have a value, (Q, C); NaN where there is none."""
    import numpy as np

    there = np.isfinite(values) & wanted
    count = there.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: NDArray[float64] = np.where(
            count > 0, np.where(there, values, 0.0).sum(axis=-1) / count, np.nan
        )
    return mean
