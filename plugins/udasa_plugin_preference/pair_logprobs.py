"""What a loss on pairs is a function of: its responses' log-probabilities under policy and reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class PairLogProbs:
    """n pairs: tensors of shape (n,), log-probabilities in nats, each summed over the tokens of its response
    that count (`tokens` among the options: all of them, or the answer's given what was thought before it).

    While training, n is a batch, and gradients flow through `chosen` and `rejected` (float32); in a stage's
    metrics, n is all of its pairs (float64, no gradient).
    """

    chosen: Tensor
    """log π(chosen | prompt) of the policy, ≤ 0."""

    rejected: Tensor
    """log π(rejected | prompt) of the policy, ≤ 0."""

    reference_chosen: Tensor
    """log π(chosen | prompt) of the reference, ≤ 0."""

    reference_rejected: Tensor
    """log π(rejected | prompt) of the reference, ≤ 0."""

    chosen_tokens: Tensor
    """The chosen response's tokens that count, ≥ 1: `chosen / chosen_tokens` is a mean over tokens."""

    rejected_tokens: Tensor
    """The rejected response's tokens that count, ≥ 1."""

    weights: Tensor
    """`Pair.weight`, ≥ 0, 1 for an ordinary pair. The trainer multiplies each pair's loss by it: a loss need
    not look at it."""

    chosen_U: Tensor | None = None
    """`Pair.chosen_U`, the chosen response's aggregate in [0, 1], NaN for a pair that has none; None: nobody
    says. No gradient flows through it."""

    gaps: Tensor | None = None
    """`Pair.gap`, U(rejected) − U(chosen) in [−1, 1], NaN for a pair that has none; None: nobody says. No
    gradient flows through it."""

    tokens_a_pair: float | None = None
    """The chosen tokens a pair, in the mean over all pairs of one optimizer step, of which these may be a
    part; None: over these."""

    @property
    def chosen_log_ratio(self) -> Tensor:
        """log π(chosen) − log ref(chosen), in nats: how much likelier the chosen became."""
        return self.chosen - self.reference_chosen

    @property
    def rejected_log_ratio(self) -> Tensor:
        """log π(rejected) − log ref(rejected), in nats."""
        return self.rejected - self.reference_rejected

    @property
    def log_ratio_gap(self) -> Tensor:
        """The h of DPO: `chosen_log_ratio` − `rejected_log_ratio`; above 0 the policy moved as asked."""
        return self.chosen_log_ratio - self.rejected_log_ratio

    @property
    def token_gap(self) -> Tensor:
        """The h of IPO: as `log_ratio_gap`, each log-ratio divided by its response's tokens; nats a token."""
        return self.chosen_log_ratio / self.chosen_tokens - self.rejected_log_ratio / self.rejected_tokens

    @property
    def chosen_nll(self) -> Tensor:
        """−log π(chosen) over the chosen tokens a pair: its mean over an optimizer step's pairs is −log π per
        token of all their chosen responses, however they are split into passes."""
        return -self.chosen / (self.tokens_a_pair or self.chosen_tokens.sum() / len(self.chosen))
