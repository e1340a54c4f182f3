"""Whose pairs are whose: an optimizer step's passes go to the ranks in turn, each pair to one rank, once.

Samplers of several processes repeat rows, or leave some out, where rows do not divide. Here the last step is
filled up with rows that stand in: a rank that has no pair left makes a pass that counts nothing, since the
others wait for its gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from udasa_core import UdasaError
from udasa_plugin_preference.ranks import Ranks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The number of a row that stands in for none.
STANDS_IN = -1


def passes_each(batch: int, accumulation: int, ranks: int) -> int:
    """Return the passes of one optimizer step that each rank makes. Raises UdasaError where they do not
    divide, with what to write."""
    if told := shares_fault(batch, accumulation, ranks):
        raise UdasaError(told)
    return accumulation // ranks


def shares_fault(batch: int, accumulation: int, ranks: int) -> str:
    """Say why so many ranks cannot share a step of `accumulation` passes of `batch` pairs, and what to write;
    "" where they can."""
    if accumulation % ranks == 0:
        return ""
    step = batch * accumulation
    same = [passes for passes in range(ranks, step + 1, ranks) if step % passes == 0]
    fitting = next((passes for passes in same if step // passes <= batch), None)
    more = -(-accumulation // ranks) * ranks
    hint = (
        f"write batch = {step // fitting}, accumulation = {fitting}: the same {step} pairs a step"
        if fitting
        else f"write accumulation = {more}: {batch * more} pairs a step in place of {step}"
    )
    return (
        f"{accumulation} passes make an optimizer step, which {ranks} processes cannot share evenly: {hint}"
    )


def filled_up(order: NDArray[np.int64], batch: int, ranks: Ranks, stand_in: int) -> NDArray[np.int64]:
    """Return rows in order of training and behind them `stand_in`, so often that every rank has as many full
    passes as the others: pass p is rank p mod `ranks.count`'s. Alone, a rank needs none."""
    import numpy as np

    missing = -len(order) % (batch * ranks.count) if ranks.count > 1 else 0
    return np.concatenate([order, np.full(missing, stand_in, dtype=order.dtype)])


def share_of(order: Sequence[int], batch: int, ranks: Ranks) -> list[int]:
    """Return the rows that this rank trains on, in its order."""
    return [row for place, row in enumerate(order) if place // batch % ranks.count == ranks.number]


def with_stand_in(dataset: Any, row: int) -> Any:
    """Return a dataset with one row more, at its end: that of number `row`, as one that stands in for none.

    It is the cheapest one to read where it is the shortest.
    """
    from datasets import concatenate_datasets

    copy = dataset.select([row]).remove_columns("row").add_column("row", [STANDS_IN])
    return concatenate_datasets([dataset, copy.select_columns(dataset.column_names)])
