"""What stage policies have in common: stages that are named in order, and pairs that are ranked and cut."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from udasa_core import Options, PairTable, Plugin, StagePlan

if TYPE_CHECKING:
    from numpy import intp
    from numpy.typing import NDArray

StageName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]

NO_GAP = "no gap: the pair was not made by U"
NOT_POSITIVE = "gap not positive"


class NamedStages(Options):
    """Any number of stages: their names, and the order in which they are trained.

    Pairs are ranked and cut into as many parts as there are names; the first name gets the first part. Equal
    pairs are ranked by id, so a plan does not depend on the order in which pairs arrive. The order inside a
    stage says nothing: trainers shuffle. A pair whose gap is 0 or less is always dropped.
    """

    names: list[StageName] = Field(
        default=["conservative", "moderate", "exploratory"],
        min_length=1,
        description="The stages: the first gets what the policy ranks first.",
    )
    order: list[StageName] = Field(
        default=[], description="The same names in the order of training. Left out: as in `names`."
    )

    @field_validator("names")
    @classmethod
    def _unique(cls, names: list[str]) -> list[str]:
        for index, name in enumerate(names):
            if name in names[:index]:
                raise ValueError(f"two stages are named {name!r}: rename one")
        return names

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.order and sorted(self.order) != sorted(self.names):
            raise ValueError(
                f"order ({', '.join(self.order)}) has not just the names ({', '.join(self.names)}): "
                "give each of them once, or leave order out"
            )
        return self

    @property
    def in_order(self) -> tuple[str, ...]:
        """The stages' names in the order of training."""
        return tuple(self.order or self.names)

    @property
    def drops_ungapped(self) -> str:
        """What to write instead, unless they are spread."""
        return "" if self._is_spread else 'use = "quantiles" with ungapped = "spread"'

    @property
    def _is_spread(self) -> bool:
        return False

    def plan(
        self,
        pairs: PairTable,
        ranked: NDArray[intp],
        cuts: Sequence[int],
        dropped: Sequence[tuple[NDArray[intp], str]] = (),
    ) -> StagePlan:
        """Return the plan whose stages are the ranked pairs between `cuts`.

        ranked: rows of `pairs`, none of a gap of 0 or less. cuts: len(names) − 1 ascending positions in
        [0, len(ranked)] where a next stage begins. dropped: further rows, each lot with its reason.
        """
        import numpy as np

        ungapped = np.isnan(pairs.gaps)
        left_out = [(np.flatnonzero(pairs.gaps <= 0.0), NOT_POSITIVE), *dropped]
        for rows in (ranked, *(rows for rows, _ in dropped)):
            ungapped[rows] = False
        parts = np.split(ranked, cuts)
        if self._is_spread:
            dealt = sorted(
                np.flatnonzero(ungapped).tolist(),
                key=lambda row: hashlib.sha256(pairs.ids[row].encode()).digest(),
            )
            parts = [
                np.concatenate([part, np.array(dealt[index :: len(parts)], dtype=np.intp)])
                for index, part in enumerate(parts)
            ]
        else:
            left_out.append((np.flatnonzero(ungapped), NO_GAP))
        stages = dict(zip(self.names, map(pairs.taken, parts), strict=True))
        return StagePlan(
            {name: stages[name] for name in self.in_order},
            tuple((pair_id, reason) for rows, reason in left_out for pair_id in sorted(pairs.taken(rows))),
        )


class SpreadStages(NamedStages):
    """Named stages that may take in pairs which were not made by U."""

    ungapped: Literal["drop", "spread"] = Field(
        default="drop",
        description='What to do with pairs that were not made by U (pairing "random", say): "drop" leaves '
        'them out, "spread" deals them out evenly over the stages, by a hash of their ids.',
    )

    @property
    def _is_spread(self) -> bool:
        return self.ungapped == "spread"


class StagePolicy(Plugin):
    """A policy whose options name its stages."""

    Options = NamedStages
    options: NamedStages
    label_free: bool | None = True

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The names under [stages], in the order of training."""
        return self.options.in_order
