"""Pairs in a row, the clearest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from udasa_core import PairTable

if TYPE_CHECKING:
    from numpy import float64, intp
    from numpy.typing import NDArray


def ranked(pairs: PairTable, rows: NDArray[intp], *keys: NDArray[float64]) -> NDArray[intp]:
    """Return `rows` in ascending order of `keys`, the first key before the second, and of pair ids at last.

    keys: each has a value for each of `rows`.
    """
    import numpy as np

    # Sixteen bytes an id for sorting; plans share the table's own texts.
    ids = np.asarray(pairs.ids, dtype="S")[rows]
    return rows[np.lexsort((ids, *reversed(keys)))]


def by_gap(pairs: PairTable, rows: NDArray[intp] | None = None) -> NDArray[intp]:
    """Return the rows of positive gaps, or `rows`, in descending order of gap, equal gaps by pair id."""
    import numpy as np

    chosen = np.flatnonzero(pairs.gaps > 0.0) if rows is None else rows
    return ranked(pairs, chosen, -pairs.gaps[chosen])


def even_cuts(count: int, stages: int) -> list[int]:
    """Return where the second and each further of `stages` equal parts of `count` pairs begins.

    Each part has ⌊count/stages⌋ pairs, and the first count mod stages have one more.
    """
    size, longer = divmod(count, stages)
    return [size * stage + min(stage, longer) for stage in range(1, stages)]
