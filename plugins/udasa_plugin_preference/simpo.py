"""The trainer `simpo`: Simple Preference Optimization, without a reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from udasa_plugin_preference.pair_logprobs import PairLogProbs
from udasa_plugin_preference.trainer import PreferenceTrainer, mean

if TYPE_CHECKING:
    from torch import Tensor


class SimPO(PreferenceTrainer):
    """Simple Preference Optimization (Meng et al. 2024, arXiv 2405.14734).

    loss = −log σ(β (log π(chosen) / |chosen| − log π(rejected) / |rejected|) − γ): means over response
    tokens, and no reference, which is measured for the figures alone. γ is the margin that is asked for.
    """

    class Options(PreferenceTrainer.Options):
        """The TOML table of the trainer `simpo`."""

        # Means over tokens are small numbers, and nothing is taken off them: the paper has 2 to 10.
        beta: float = Field(2.0, gt=0, description="β, which scales mean log-probabilities a token.")
        gamma: float = Field(
            1.0, ge=0, description="γ: by how much β times the chosen's mean is to exceed the rejected's."
        )

    options: Options

    def losses(self, pairs: PairLogProbs) -> Tensor:
        from torch.nn.functional import logsigmoid

        return -logsigmoid(self.options.beta * _means_apart(pairs) - self.options.gamma)

    def metrics(self, pairs: PairLogProbs) -> Mapping[str, float]:
        """Return the base's figures, and two of what is minimised. All but these compare with the reference.

        mean_logprob_gap_after: the mean over pairs of the difference of mean log-probabilities, in nats a
        token. likelier_after: the share of pairs in which it is above 0.
        """
        apart = _means_apart(pairs)
        return {
            **super().metrics(pairs),
            "mean_logprob_gap_after": mean(apart),
            "likelier_after": mean(apart > 0),
        }


def _means_apart(pairs: PairLogProbs) -> Tensor:
    return pairs.chosen / pairs.chosen_tokens - pairs.rejected / pairs.rejected_tokens
