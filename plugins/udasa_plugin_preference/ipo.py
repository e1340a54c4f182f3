"""The trainer `ipo`: Identity Preference Optimization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from udasa_plugin_preference.pair_logprobs import PairLogProbs
from udasa_plugin_preference.trainer import PreferenceTrainer, mean

if TYPE_CHECKING:
    from torch import Tensor


class IPO(PreferenceTrainer):
    """Identity Preference Optimization (Azar et al. 2023, arXiv 2310.12036, equation 17).

    loss = (h − 1/(2β))², with h = [log π(chosen) − log ref(chosen)] / |chosen| − the same of rejected: here
    log-ratios are averaged over response tokens, as TRL does on the authors' word. 1/(4β²) where π = ref.
    Unlike DPO it has a goal, h = 1/(2β) nats a token, beyond which it pushes back.
    """

    class Options(PreferenceTrainer.Options):
        """The TOML table of the trainer `ipo`."""

        # 0.2 nats a token are 20 nats on 100 tokens, where DPO with β = 0.1 has lost 7/8 of its gradient:
        # 1 − σ(0.1 · 20) = 0.12. DPO's own 0.1 would aim at 5 nats a token here.
        beta: float = Field(
            2.5,
            gt=0,
            description="β (the paper's τ): training aims at a log-ratio gap of 1/(2β) nats a token: "
            "2.5 aims at 0.2.",
        )

    options: Options

    def losses(self, pairs: PairLogProbs) -> Tensor:
        return (pairs.token_gap - 1 / (2 * self.options.beta)) ** 2

    def metrics(self, pairs: PairLogProbs) -> Mapping[str, float]:
        """Return the base's figures, accuracy_after being the share of pairs with h above 0, and two more.

        gap_per_token_after: the mean h, in nats a token. gap_goal: the h that training aims at. margin_after
        stays β times the difference of sums, as DPO's.
        """
        gaps = pairs.token_gap
        return {
            **super().metrics(pairs),
            "accuracy_after": mean(gaps > 0),
            "gap_per_token_after": mean(gaps),
            "gap_goal": 1 / (2 * self.options.beta),
        }
