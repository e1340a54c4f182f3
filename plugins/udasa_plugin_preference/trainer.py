"""The base of trainers by preference: everything but the loss."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from udasa_core import ModelRef, Plugin, Report, Stage, UdasaError, hookimpl
from udasa_plugin_preference.options import INCIDENTAL, PreferenceOptions
from udasa_plugin_preference.pair_logprobs import PairLogProbs
from udasa_plugin_preference.ranks import ranks_here
from udasa_plugin_preference.training import Call, train

if TYPE_CHECKING:
    from torch import Tensor


class PreferenceTrainer(Plugin):
    """A trainer by a loss on pairs. A subclass says in `losses` what each pair costs; the rest is done.

    Where the loss has options of its own, or another default, it declares `class
    Options(PreferenceTrainer.Options)`. Where it has figures of its own, it overrides `metrics`.
    """

    class Options(PreferenceOptions):
        """Those of every loss."""

    options: PreferenceOptions
    label_free = True
    launchable = True
    incidental = INCIDENTAL

    def losses(self, pairs: PairLogProbs) -> Tensor:
        """Return each pair's loss (n,), the lower the better, before its weight is applied.

        It is called with a batch at a time, in the forward pass; what is minimised is the batch's mean.
        """
        raise NotImplementedError

    def metrics(self, pairs: PairLogProbs) -> Mapping[str, float]:
        """Return figures over all of the stage's pairs, measured by the policy at the stage's end.

        margin_after: the mean of β times the log-ratio gap. accuracy_after: the share of pairs whose gap is
        above 0.
        """
        margins = self.options.beta * pairs.log_ratio_gap
        return {"margin_after": mean(margins), "accuracy_after": mean(margins > 0)}

    def weighted_loss(self, pairs: PairLogProbs) -> Tensor:
        """Return what a batch minimises: the mean over its pairs of weight × (loss + sft_weight × nll).

        Under `sft_below` the last term is 0 for a pair whose `chosen_U` is not below it, or that has none;
        what it is for the others does not depend on how many those are.
        """
        losses = self.losses(pairs)
        if losses.shape != pairs.weights.shape:
            raise UdasaError(
                f"trainer {self.name!r}: `losses` returned a tensor of shape {tuple(losses.shape)} for "
                f"{len(pairs.weights)} pairs: return one loss for each pair, not their sum or mean"
            )
        if self.options.sft_weight:
            losses = losses + self.options.sft_weight * self._supervised(pairs)
        return (pairs.weights * losses).mean()

    def _supervised(self, pairs: PairLogProbs) -> Tensor:
        """Return each pair's supervised term (n,), 0 where the chosen response is not certain enough."""
        below = self.options.sft_below
        if below is None:
            return pairs.chosen_nll
        if pairs.chosen_U is None:
            raise UdasaError(f"trainer {self.name!r}: sft_below asks for chosen_U, and the pairs have none")
        # NaN is below nothing.
        return pairs.chosen_nll * (pairs.chosen_U < below)

    @hookimpl
    def udasa_train(
        self,
        stage: Stage,
        pairs: Path,
        policy: ModelRef,
        reference: ModelRef,
        out_dir: Path,
        seed: int,
        earlier_state: Path | None,
    ) -> Report:
        loss = f"{type(self).__module__}:{type(self).__qualname__}"
        call = Call(
            *(self.name, loss, self.options, stage, pairs, policy, reference, out_dir, seed, earlier_state),
            ranks_here(policy.device),
        )
        return train(call, self.weighted_loss, self.metrics, self.resources)


def mean(values: Tensor) -> float:
    """Return the mean of a tensor of numbers or of truths, in float64."""
    return float(values.double().numpy().mean())
