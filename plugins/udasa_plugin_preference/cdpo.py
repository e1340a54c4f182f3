"""The trainer `cdpo`: conservative DPO, for labels that may be wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from udasa_plugin_preference.pair_logprobs import PairLogProbs
from udasa_plugin_preference.trainer import PreferenceTrainer

if TYPE_CHECKING:
    from torch import Tensor


class CDPO(PreferenceTrainer):
    """Conservative DPO (Mitchell 2023, "A note on DPO with noisy preferences", equation 3).

    loss = −(1 − ε) log σ(β h) − ε log σ(−β h), with the h of `dpo` and ε the share of pairs that are taken to
    be the wrong way round; log 2 where π = ref. It has a goal, h = log((1 − ε)/ε)/β nats, beyond which it
    pushes back. ε = 0 is `dpo`.
    """

    class Options(PreferenceTrainer.Options):
        """The TOML table of the trainer `cdpo`."""

        beta: float = Field(
            0.1, gt=0, description="β, the pull towards the reference: the higher, the less the policy moves."
        )
        epsilon: float = Field(
            0.1,
            ge=0,
            lt=0.5,
            description="ε, the share of pairs that are taken to be the wrong way round: 0 is `dpo`.",
        )

    options: Options

    def losses(self, pairs: PairLogProbs) -> Tensor:
        from torch.nn.functional import logsigmoid

        epsilon, logits = self.options.epsilon, self.options.beta * pairs.log_ratio_gap
        return -(1 - epsilon) * logsigmoid(logits) - epsilon * logsigmoid(-logits)
