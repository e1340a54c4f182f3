"""Pairs in descending order of gap, cut into stages: what every policy here has in common."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from udasa_core import Options, PairTable, StagePlan

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

NO_GAP = "no gap: the pair was not made by U"
NOT_POSITIVE = "gap not positive"


class Ranking(Options):
    """The options of every policy that goes by gap.

    Pairs are ranked by gap, the largest first, equal gaps by pair id; so a plan does not depend on the order
    in which pairs arrive. A pair whose gap is 0 or less is always dropped.
    """

    ungapped: Literal["drop", "spread"] = Field(
        default="drop",
        description='What to do with pairs that were not made by U (pairing "random", say): "drop" leaves '
        'them out, "spread" deals them out evenly over the stages, by a hash of their ids.',
    )

    def plan(
        self,
        names: Sequence[str],
        pairs: PairTable,
        cuts: Callable[[NDArray[float64]], Sequence[int]],
    ) -> StagePlan:
        """Return the plan whose stages are the ranked pairs between `cuts`.

        cuts: given the m positive gaps in descending order, returns len(names) − 1 ascending positions in
        [0, m] where a next stage begins.
        """
        import numpy as np

        # Sixteen bytes an id for sorting; the plan then shares the table's own texts.
        ids = np.asarray(pairs.ids, dtype="S")
        ranked = np.lexsort((ids, -pairs.gaps))
        ranked = ranked[pairs.gaps[ranked] > 0.0]
        parts = [
            [pairs.ids[row] for row in part.tolist()] for part in np.split(ranked, cuts(pairs.gaps[ranked]))
        ]
        ungapped = [pairs.ids[row] for row in np.flatnonzero(np.isnan(pairs.gaps)).tolist()]
        refused = sorted(pairs.ids[row] for row in np.flatnonzero(pairs.gaps <= 0.0).tolist())
        dropped = [(pair_id, NOT_POSITIVE) for pair_id in refused]
        if self.ungapped == "spread":
            ungapped.sort(key=lambda pair_id: hashlib.sha256(pair_id.encode()).digest())
            for index, part in enumerate(parts):
                part.extend(ungapped[index :: len(parts)])
        else:
            dropped.extend((pair_id, NO_GAP) for pair_id in sorted(ungapped))
        stages = {name: tuple(part) for name, part in zip(names, parts, strict=True)}
        return StagePlan(stages, tuple(dropped))
