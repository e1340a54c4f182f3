"""The trainer `odpo`: DPO that asks more of a pair whose sides lie further apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from udasa_core import UdasaError
from udasa_plugin_preference.pair_logprobs import PairLogProbs
from udasa_plugin_preference.trainer import PreferenceTrainer, mean

if TYPE_CHECKING:
    from torch import Tensor


class ODPO(PreferenceTrainer):
    """Direct Preference Optimization with an Offset (Amini et al. 2024, arXiv 2402.10571).

    loss = −log σ(β h − α gap), with the h of `dpo` and the pair's gap in U: β h is to exceed the offset, and
    not merely 0. The paper's offset is α times an increasing function of the difference between two scores;
    here that function is the gap itself. log(1 + exp(α gap)) where π = ref. α = 0 is `dpo`.
    """

    class Options(PreferenceTrainer.Options):
        """The TOML table of the trainer `odpo`."""

        beta: float = Field(
            0.1, gt=0, description="β, the pull towards the reference: the higher, the less the policy moves."
        )
        offset: float = Field(1.0, ge=0, description="α: what β h is to exceed is α times the pair's gap.")

        @property
        def pair_figures(self) -> tuple[str, ...]:
            return (*super().pair_figures, "gap")

    options: Options

    def losses(self, pairs: PairLogProbs) -> Tensor:
        from torch.nn.functional import logsigmoid

        return -logsigmoid(self.options.beta * pairs.log_ratio_gap - self._offsets(pairs))

    def metrics(self, pairs: PairLogProbs) -> Mapping[str, float]:
        """Return the base's figures, and beyond_offset_after: the share of pairs whose β h is above it."""
        beyond = self.options.beta * pairs.log_ratio_gap > self._offsets(pairs)
        return {**super().metrics(pairs), "beyond_offset_after": mean(beyond)}

    def _offsets(self, pairs: PairLogProbs) -> Tensor:
        if pairs.gaps is None:
            raise UdasaError(f"trainer {self.name!r} asks for the pairs' gaps, and they have none")
        return self.options.offset * pairs.gaps
