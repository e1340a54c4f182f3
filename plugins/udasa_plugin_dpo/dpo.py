"""The trainer `dpo`: Direct Preference Optimization."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from udasa_core import ModelRef, Report, Resources, Stage, hookimpl
from udasa_plugin_dpo.options import TrainerOptions
from udasa_plugin_dpo.training import Call, train


class DPO:
    """Direct Preference Optimization (Rafailov et al. 2023, arXiv 2305.18290, equation 7).

    loss = −log σ(β h), with h = [log π(chosen) − log ref(chosen)] − [log π(rejected) − log ref(rejected)] and
    log-probabilities summed over response tokens; log 2 where π = ref. Cost: one backward and about three
    forward passes a pair.
    """

    class Options(TrainerOptions):
        """The TOML table of the trainer `dpo`."""

        beta: float = Field(
            0.1, gt=0, description="β, the pull towards the reference: the higher, the less the policy moves."
        )

    needs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, options: Options, name: str, resources: Resources) -> None:
        self.options = options
        self.name = name
        self.resources = resources

    @hookimpl
    def udasa_train(
        self, stage: Stage, pairs: Path, policy: ModelRef, reference: ModelRef, out_dir: Path, seed: int
    ) -> Report:
        call = Call(
            self.name,
            "sigmoid",
            self.options.beta,
            self.options,
            stage,
            pairs,
            policy,
            reference,
            out_dir,
            seed,
        )
        return train(call, self.resources)
