"""The trainer `sft`: the chosen responses alone, the baseline that preferences must beat."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, field_validator

from udasa_plugin_dpo.preference import LossOptions, PreferenceTrainer


class SFT(PreferenceTrainer):
    """Supervised fine-tuning on the chosen responses; the rejected ones are measured, and train nothing.

    loss = −1/T · Σ_t log π(chosen token t), averaged over the batch's chosen tokens, as TRL's loss "sft" has
    it. Reports the same figures as the preference trainers, so that they can be laid side by side. Cost: as
    `dpo`, for the rejected responses are read too.
    """

    loss: ClassVar[str] = "sft"

    class Options(LossOptions):
        """The TOML table of the trainer `sft`."""

        beta: float = Field(
            0.1, gt=0, description="Scales the margin that is reported; it plays no part in the loss."
        )
        sft_weight: float = Field(0.0, description="Stays 0: the loss is that term, and nothing else.")

        @field_validator("sft_weight")
        @classmethod
        def _is_the_loss_itself(cls, weight: float) -> float:
            if weight != 0:
                raise ValueError("the loss of `sft` is this very term: leave sft_weight out, or use `dpo`")
            return weight
