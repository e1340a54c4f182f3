"""Stage policy `shuffled`: another policy's stages with their pairs dealt at random, a control."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from udasa_core import Options, PairTable, Plugin, StagePlan, hookimpl
from udasa_plugin_stages.certain_first import CertainFirst
from udasa_plugin_stages.quantiles import Quantiles
from udasa_plugin_stages.risk_controlled import RiskControlled
from udasa_plugin_stages.selective import Selective
from udasa_plugin_stages.thresholds import Thresholds

_Staging = Quantiles | Thresholds | CertainFirst | Selective | RiskControlled
_POLICIES: dict[str, type[_Staging]] = {
    "quantiles": Quantiles,
    "thresholds": Thresholds,
    "certain-first": CertainFirst,
    "selective": Selective,
    "risk-controlled": RiskControlled,
}


class ShuffledOptions(Options):
    """Whose stages are dealt anew."""

    of: Literal["quantiles", "thresholds", "certain-first", "selective", "risk-controlled"] = Field(
        default="quantiles", description="The policy whose stages give the names, their order and sizes."
    )
    options: dict[str, Any] = Field(
        default={}, description="That policy's own options, as [stages] would have them: its names, say."
    )
    draw: int = Field(
        default=0,
        ge=0,
        description="Each further number deals the same pairs otherwise, by the same run seed.",
    )

    @model_validator(mode="after")
    def _read(self) -> Self:
        try:
            self.read()
        except ValidationError as error:
            told = "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}".removeprefix(": ")
                for fault in error.errors(include_url=False)
            )
            raise ValueError(f"these are no options of {self.of}: {told}") from error
        return self

    @property
    def cautions(self) -> Sequence[str]:
        """Those of the policy that is named."""
        told: Sequence[str] = self.read().cautions
        return told

    @property
    def first_round_alone(self) -> str:
        """That of the policy that is named."""
        told: str = self.read().first_round_alone
        return told

    @property
    def drops_ungapped(self) -> str:
        """That of the policy that is named."""
        told: str = self.read().drops_ungapped
        return told

    def read(self) -> Any:
        """Return the policy's own options, checked as strictly as its own table would be."""
        return _POLICIES[self.of].Options.model_validate_json(json.dumps(self.options), strict=True)


class Shuffled(Plugin):
    """The stages of another policy, with the same names, sizes and pairs, but each pair's stage is drawn.

    The control for staging: trainers begin as many stages, at the same steps, with the same options, and what
    differs is which pairs they meet when. Pairs that the other policy drops are dropped. The draw follows
    from the run's seed and its own number.
    """

    Options = ShuffledOptions
    options: ShuffledOptions

    def __init__(self, options: ShuffledOptions, name: str, resources: Any) -> None:
        super().__init__(options, name, resources)
        self.label_free = self._policy.label_free

    @property
    def fingerprint(self) -> str:
        """What shapes the other policy's answers beside its options."""
        return self._policy.fingerprint

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The other policy's."""
        return self._policy.stage_names

    @hookimpl
    def udasa_stage(self, pairs: PairTable, seed: int) -> StagePlan:
        import numpy as np

        plan = self._policy.udasa_stage(pairs)
        ids = sorted(pair_id for stage in plan.stages.values() for pair_id in stage)
        random = np.random.default_rng([seed, self.options.draw])
        dealt = [ids[place] for place in random.permutation(len(ids)).tolist()]
        ends = pairwise(accumulate(map(len, plan.stages.values()), initial=0))
        stages = {name: tuple(dealt[start:end]) for name, (start, end) in zip(plan.stages, ends, strict=True)}
        return StagePlan(stages, plan.dropped)

    @cached_property
    def _policy(self) -> _Staging:
        policy: Any = _POLICIES[self.options.of]
        built: _Staging = policy(self.options.read(), self.name, self.resources)
        return built
