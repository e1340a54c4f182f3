"""Stage policy `quantiles`: stages of equal size, the largest gaps first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints, field_validator

from udasa_core import PairTable, Plugin, StagePlan, hookimpl
from udasa_plugin_stages.ranking import Ranking

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

StageName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]


class Quantiles(Plugin):
    """Equal quantiles of the gap as stages, in descending order of gap: terciles, with the default names.

    With m pairs and S stages, each stage has ⌊m/S⌋ pairs and the first m mod S have one more. The order
    inside a stage says nothing: trainers shuffle. That a large gap means a clear preference is an assumption:
    two wrong answers can lie far apart.
    """

    class Options(Ranking):
        """The stages' names, and what else to do with pairs."""

        names: list[StageName] = Field(
            default=["conservative", "moderate", "exploratory"],
            min_length=1,
            description="The stages, in training order: the first gets the largest gaps.",
        )

        @field_validator("names")
        @classmethod
        def _unique(cls, names: list[str]) -> list[str]:
            for index, name in enumerate(names):
                if name in names[:index]:
                    raise ValueError(f"two stages are named {name!r}: rename one")
            return names

    options: Options
    label_free = True

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The names under [stages]."""
        return tuple(self.options.names)

    @hookimpl
    def udasa_stage(self, pairs: PairTable) -> StagePlan:
        return self.options.plan(self.stage_names, pairs, self._cuts)

    def _cuts(self, gaps: NDArray[float64]) -> list[int]:
        size, longer = divmod(len(gaps), len(self.stage_names))
        return [size * stage + min(stage, longer) for stage in range(1, len(self.stage_names))]
