"""Stage policy `certain-first`: what is far apart and certain comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from udasa_core import PairTable, StagePlan, hookimpl
from udasa_plugin_stages.ranking import even_cuts, ranked
from udasa_plugin_stages.staging import SpreadStages, StagePolicy

if TYPE_CHECKING:
    from numpy import float64, intp
    from numpy.typing import NDArray

NO_U = "the chosen response has no U"


class CertainFirst(StagePolicy):
    """Equal stages by the worse of two ranks: that of the gap, the largest first, and that of U(chosen), the
    lowest first.

    A large gap only says that two responses lie far apart: both may be doubtful, the one more than the other.
    Here a pair comes first only where its gap is among the largest and its chosen response among the most
    certain: neither makes up for the other. Pairs of one worse rank go by the better one, then by id. Equal
    gaps have one rank, as have equal U. Ranks are taken among the pairs that are staged, so that the scales
    of gap and U do not matter. With m pairs and S stages, each stage has ⌊m/S⌋ pairs and the first m mod S
    have one more.

    A pair with a gap whose chosen response has no U is dropped: nothing says how certain it is.
    """

    Options = SpreadStages
    options: SpreadStages

    @hookimpl
    def udasa_stage(self, pairs: PairTable) -> StagePlan:
        import numpy as np

        unknown = np.isnan(pairs.chosen_U)
        rows = np.flatnonzero((pairs.gaps > 0.0) & ~unknown)
        far, sure = _ranks(-pairs.gaps[rows]), _ranks(pairs.chosen_U[rows])
        order = ranked(pairs, rows, np.maximum(far, sure), np.minimum(far, sure))
        dropped = [(np.flatnonzero((pairs.gaps > 0.0) & unknown), NO_U)]
        return self.options.plan(pairs, order, even_cuts(len(order), len(self.options.names)), dropped)


def _ranks(values: NDArray[float64]) -> NDArray[intp]:
    """Return how many of the values are smaller than each one."""
    import numpy as np

    return np.searchsorted(np.sort(values), values)
