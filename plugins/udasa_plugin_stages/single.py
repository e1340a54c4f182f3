"""Stage policy `single`: one stage of all pairs, the control without stages."""

from __future__ import annotations

from pydantic import Field

from udasa_core import PairTable, StagePlan, hookimpl
from udasa_plugin_stages.ranking import by_gap
from udasa_plugin_stages.staging import SpreadStages, StageName, StagePolicy


class SingleOptions(SpreadStages):
    """The one stage's name, and what else to do with pairs."""

    names: list[StageName] = Field(
        default=["all"], min_length=1, max_length=1, description="The one stage's name."
    )


class Single(StagePolicy):
    """One stage of all the pairs that `quantiles` would stage: the control that tells what staging adds."""

    Options = SingleOptions
    options: SingleOptions

    @hookimpl
    def udasa_stage(self, pairs: PairTable) -> StagePlan:
        return self.options.plan(pairs, by_gap(pairs), ())
