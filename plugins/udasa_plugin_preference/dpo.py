"""The trainer `dpo`: Direct Preference Optimization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from udasa_plugin_preference.pair_logprobs import PairLogProbs
from udasa_plugin_preference.trainer import PreferenceTrainer

if TYPE_CHECKING:
    from torch import Tensor


class DPO(PreferenceTrainer):
    """Direct Preference Optimization (Rafailov et al. 2023, arXiv 2305.18290, equation 7).

    loss = −log σ(β h), with h = [log π(chosen) − log ref(chosen)] − [log π(rejected) − log ref(rejected)] and
    log-probabilities summed over response tokens; log 2 where π = ref. Cost: one backward and about three
    forward passes a pair.
    """

    class Options(PreferenceTrainer.Options):
        """The TOML table of the trainer `dpo`."""

        beta: float = Field(
            0.1, gt=0, description="β, the pull towards the reference: the higher, the less the policy moves."
        )

    options: Options

    def losses(self, pairs: PairLogProbs) -> Tensor:
        from torch.nn.functional import logsigmoid

        return -logsigmoid(self.options.beta * pairs.log_ratio_gap)
