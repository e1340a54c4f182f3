"""What the trainers here have in common: everything but the loss."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from udasa_core import ModelRef, Report, Resources, Stage, hookimpl
from udasa_plugin_dpo.options import TrainerOptions
from udasa_plugin_dpo.training import Call, train


class LossOptions(TrainerOptions):
    """The options of a trainer; each loss has a default of its own for β."""

    beta: float


class PreferenceTrainer:
    """A trainer by preferences; `loss` is TRL's name of what it minimises."""

    loss: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    label_free: ClassVar[bool] = True

    def __init__(self, options: LossOptions, name: str, resources: Resources) -> None:
        self.options = options
        self.name = name
        self.resources = resources

    @hookimpl
    def udasa_train(
        self, stage: Stage, pairs: Path, policy: ModelRef, reference: ModelRef, out_dir: Path, seed: int
    ) -> Report:
        options = self.options
        call = Call(
            self.name, self.loss, options.beta, options, stage, pairs, policy, reference, out_dir, seed
        )
        return train(call, self.resources)
