"""What a stage is reported to have done: canonical figures, the same however often it was interrupted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from udasa_plugin_preference.pair_logprobs import PairLogProbs

# A step's figures. Timings, token counters (which restart on resume) and paths are left out on purpose.
_HISTORY = (
    "step",
    "loss",
    "chosen_logprob",
    "rejected_logprob",
    "margin",
    "accuracy",
    "learning_rate",
    "grad_norm",
)


def batch_figures(pairs: PairLogProbs, beta: float) -> dict[str, Tensor]:
    """Return figures (n,) of a batch's n pairs, before the step; their means make the history."""
    chosen, rejected = beta * pairs.chosen_log_ratio.detach(), beta * pairs.rejected_log_ratio.detach()
    return {
        "chosen_logprob": pairs.chosen.detach(),
        "rejected_logprob": pairs.rejected.detach(),
        "margin": chosen - rejected,
        "accuracy": (chosen > rejected).float(),
    }


def history_of(logged: Iterable[Mapping[str, Any]]) -> list[dict[str, float]]:
    """Return one row an optimizer step, measured on its batch before the step.

    chosen_logprob, rejected_logprob: mean over pairs of the response's summed log-probability, in nats.
    margin: mean of β × (log-ratio of chosen − log-ratio of rejected). accuracy: share of pairs whose margin
    is above 0; 0 on a `previous_stage` first step, where all margins are 0.
    """
    return [{name: row[name] for name in _HISTORY} for row in logged if "loss" in row]


def stage_metrics(
    before: NDArray[np.float64], after: NDArray[np.float64], history: Sequence[Mapping[str, float]]
) -> dict[str, float]:
    """Return the figures of every loss from (2, pairs) log-probabilities of chosen and rejected responses.

    `*_before` and `*_after` are means over all the stage's pairs by the policy at its start and at its end,
    so that they can be compared, as the history's batches cannot: a falling chosen_logprob is DPO's known
    collapse.

    In bfloat16 any change of the weights, however small, redraws the rounding of every activation: about 0.5
    nats (standard deviation, 100 tokens, 135M parameters) a response, so 0.5 / √pairs on these means.
    """
    return {
        "first_loss": history[0]["loss"],
        "last_loss": history[-1]["loss"],
        "chosen_logprob_before": float(before[0].mean()),
        "chosen_logprob_after": float(after[0].mean()),
        "rejected_logprob_before": float(before[1].mean()),
        "rejected_logprob_after": float(after[1].mean()),
        "steps": len(history),
    }
