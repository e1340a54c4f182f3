"""The trainer `sft`: the chosen responses alone, the baseline that preferences must beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from udasa_plugin_preference.pair_logprobs import PairLogProbs
from udasa_plugin_preference.trainer import PreferenceTrainer

if TYPE_CHECKING:
    from torch import Tensor


class SFT(PreferenceTrainer):
    """Supervised fine-tuning on the chosen responses; the rejected ones are measured, and train nothing.

    loss = −1/T · Σ_t log π(chosen token t) over the T chosen tokens of an optimizer step's pairs. Reports the
    same figures as the preference trainers, so that they can be laid side by side. Cost: as `dpo`, for the
    rejected responses are read too.
    """

    class Options(PreferenceTrainer.Options):
        """The TOML table of the trainer `sft`."""

        beta: float = Field(
            0.1, gt=0, description="Scales the margin that is reported; it plays no part in the loss."
        )
        sft_weight: float = Field(0.0, description="Stays 0: the loss is that term, and nothing else.")

        sft_below: None = Field(None, description="Stays unset: there is no term beside the loss.")

        @field_validator("sft_weight")
        @classmethod
        def _is_the_loss_itself(cls, weight: float) -> float:
            if weight != 0:
                raise ValueError("the loss of `sft` is this very term: leave sft_weight out, or use `dpo`")
            return weight

    options: Options

    def losses(self, pairs: PairLogProbs) -> Tensor:
        return pairs.chosen_nll
