"""Stage policy `quantiles`: stages of equal size, the largest gaps first."""

from __future__ import annotations

from udasa_core import PairTable, StagePlan, hookimpl
from udasa_plugin_stages.ranking import by_gap, even_cuts
from udasa_plugin_stages.staging import SpreadStages, StagePolicy


class Quantiles(StagePolicy):
    """Equal quantiles of the gap as stages, in descending order of gap: terciles, with the default names.

    With m pairs and S stages, each stage has ⌊m/S⌋ pairs and the first m mod S have one more. That a large
    gap means a clear preference is an assumption: two wrong answers can lie far apart.
    """

    Options = SpreadStages
    options: SpreadStages

    @hookimpl
    def udasa_stage(self, pairs: PairTable) -> StagePlan:
        ranked = by_gap(pairs)
        return self.options.plan(pairs, ranked, even_cuts(len(ranked), len(self.options.names)))
