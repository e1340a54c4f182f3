"""Pairs' weights, taken from what is known of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from udasa_core import UdasaError
from udasa_plugin_preference.rows import Rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The column that holds weights already: they are taken as they are.
AS_GIVEN = "weight"


def weighed(rows: Rows, column: str) -> Rows:
    """Return rows whose weight is multiplied by a column of theirs, the mean over all rows being 1 then.

    column: `weight` for the weights as they are; `gap` and `vote_margin` count as they are, 0 where they are
    below; `chosen_U` counts as 1 − U, since 0 is certain. Raises UdasaError where all are 0.
    """
    import numpy as np

    if column == AS_GIVEN:
        return rows
    values = rows.columns[column]
    weights: NDArray[np.float64] = rows.columns[AS_GIVEN] * np.maximum(
        1.0 - values if column == "chosen_U" else values, 0.0
    )
    if not weights.any():
        raise UdasaError(
            f"by {column} no pair has a weight above 0, so that nothing would be trained: take another "
            "column for [trainer] weights_from"
        )
    return replace(rows, columns={**rows.columns, AS_GIVEN: weights / weights.mean()})
