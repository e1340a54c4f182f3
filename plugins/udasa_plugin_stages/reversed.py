"""Stage policy `reversed`: the stages of `quantiles` from the last to the first, a control."""

from __future__ import annotations

from udasa_core import PairTable, StagePlan, hookimpl
from udasa_plugin_stages.quantiles import Quantiles


class Reversed(Quantiles):
    """The stages of `quantiles`, with the same names and pairs, trained from the last to the first: the
    control that tells whether the order matters, and which way.

    With the default names: exploratory, moderate, conservative.
    """

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The names under [stages], the last in order first."""
        return self.options.in_order[::-1]

    @hookimpl
    def udasa_stage(self, pairs: PairTable) -> StagePlan:
        plan = super().udasa_stage(pairs)
        return StagePlan({name: plan.stages[name] for name in self.stage_names}, plan.dropped)
