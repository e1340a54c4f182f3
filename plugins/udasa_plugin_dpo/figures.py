"""What a stage is reported to have done: canonical figures, the same however often it was interrupted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Ours ← TRL's. Timings, token counters (which restart on resume) and paths are left out on purpose.
_HISTORY = {
    "step": "step",
    "loss": "loss",
    "chosen_logprob": "logps/chosen",
    "rejected_logprob": "logps/rejected",
    "margin": "rewards/margins",
    "accuracy": "rewards/accuracies",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
}


def history_of(logged: Iterable[Mapping[str, Any]]) -> list[dict[str, float]]:
    """Return one row an optimizer step, measured on its batch before the step.

    chosen_logprob, rejected_logprob: mean over pairs of the response's summed log-probability, in nats.
    margin: mean of β × (log-ratio of chosen − log-ratio of rejected). accuracy: share of pairs whose margin
    is above 0; 0 on a `previous_stage` first step, where all margins are 0.
    """
    return [{name: row[theirs] for name, theirs in _HISTORY.items()} for row in logged if "loss" in row]


def metrics_of(
    loss: str,
    beta: float,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    reference: NDArray[np.float64],
    lengths: NDArray[np.int64],
    history: Sequence[Mapping[str, float]],
) -> dict[str, float]:
    """Return the stage's figures from (2, pairs) log-probabilities of chosen and rejected responses.

    lengths: (2, pairs) their tokens. With loss "ipo", which compares averages over tokens, accuracy_after
    is the share of pairs whose h (see `IPO`) is above 0, gap_per_token_after the mean h in nats a token, and
    gap_goal the h that training aims at; margin_after stays the difference of sums, as DPO's.

    `*_before` and `*_after` are means over all the stage's pairs by the policy at its start and at its end,
    so that they can be compared, as the history's batches cannot: a falling chosen_logprob is DPO's known
    collapse.

    In bfloat16 any change of the weights, however small, redraws the rounding of every activation: about 0.5
    nats (standard deviation, 100 tokens, 135M parameters) a response, so 0.5 / √pairs on these means.
    """
    ratios = after - reference
    margins = beta * (ratios[0] - ratios[1])
    right, own = margins > 0, {}
    if loss == "ipo":
        gaps = ratios[0] / lengths[0] - ratios[1] / lengths[1]
        right = gaps > 0
        own = {"gap_per_token_after": float(gaps.mean()), "gap_goal": 1 / (2 * beta)}
    return {
        "first_loss": history[0]["loss"],
        "last_loss": history[-1]["loss"],
        "chosen_logprob_before": float(before[0].mean()),
        "chosen_logprob_after": float(after[0].mean()),
        "rejected_logprob_before": float(before[1].mean()),
        "rejected_logprob_after": float(after[1].mean()),
        "margin_after": float(margins.mean()),
        "accuracy_after": float(right.mean()),
        **own,
        "steps": len(history),
    }
