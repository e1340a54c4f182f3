"""The trainer `slic`: the calibration loss of SLiC-HF."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from udasa_plugin_preference import PairLogProbs, PreferenceTrainer

if TYPE_CHECKING:
    from torch import Tensor


class SLiC(PreferenceTrainer):
    """Sequence Likelihood Calibration with Human Feedback (Zhao et al. 2023, arXiv 2305.10425), rank loss.

    loss = max(0, δ − log π(chosen) + log π(rejected)), with log-probabilities summed over response tokens, in
    nats. It knows no reference. The paper's second term is `sft_weight`, here on the chosen responses.
    """

    class Options(PreferenceTrainer.Options):
        """The TOML table of the trainer `slic`."""

        delta: float = Field(1.0, gt=0, description="δ: by how much the chosen shall be likelier, in nats.")

    options: Options

    def losses(self, pairs: PairLogProbs) -> Tensor:
        return (self.options.delta - pairs.chosen + pairs.rejected).clamp(min=0)

    def metrics(self, pairs: PairLogProbs) -> Mapping[str, float]:
        """Return the base's figures, and separated_after: the share of pairs whose loss came to 0."""
        separated = (self.losses(pairs) == 0).double().mean().item()
        return {**super().metrics(pairs), "separated_after": separated}
