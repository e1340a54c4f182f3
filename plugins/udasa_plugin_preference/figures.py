"""What a stage is reported to have done: canonical figures, the same however often it was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from udasa_plugin_preference.pair_logprobs import PairLogProbs
from udasa_plugin_preference.rows import Rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    # (2, rows) log-probabilities by the policy before and after, and by the reference.
    Measured = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

# Pairs → a loss's own figures.
Metrics = Callable[[PairLogProbs], Mapping[str, float]]

# What `batch_figures` says of a batch.
OF_A_BATCH = ("chosen_logprob", "rejected_logprob", "margin", "accuracy")
# A step's figures. Timings, token counters (which restart on resume) and paths are left out on purpose.
_HISTORY = (
    "step",
    "loss",
    *OF_A_BATCH,
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


def loss_metrics(history: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the first and the last step's loss, and the number of steps."""
    return {"first_loss": history[0]["loss"], "last_loss": history[-1]["loss"], "steps": len(history)}


def _logprob_metrics(before: NDArray[np.float64], after: NDArray[np.float64]) -> dict[str, float]:
    """Return the figures of every loss from (2, pairs) log-probabilities of chosen and rejected responses.

    `*_before` and `*_after` are means over these pairs by the policy at its start and at its end,
    so that they can be compared, as the history's batches cannot: a falling chosen_logprob is DPO's known
    collapse.

    In bfloat16 any change of the weights, however small, redraws the rounding of every activation: about 0.5
    nats (standard deviation, 100 tokens, 135M parameters) a response, so 0.5 / √pairs on these means.
    """
    return {
        "chosen_logprob_before": float(before[0].mean()),
        "chosen_logprob_after": float(after[0].mean()),
        "rejected_logprob_before": float(before[1].mean()),
        "rejected_logprob_after": float(after[1].mean()),
    }


def stage_metrics(
    rows: Rows, order: NDArray[np.int64], measured: Measured, metrics: Metrics
) -> dict[str, float]:
    """Return the figures of a stage's own pairs; and where some are replayed, theirs apart, and how often in
    `order` pairs of both kinds were visited."""
    import numpy as np

    own = _figures(rows, rows.own, measured, metrics)
    if not rows.replayed:
        return own
    figures = _figures(rows, rows.again, measured, metrics)
    visits = np.bincount(order, minlength=rows.count)
    return {
        **own,
        **{f"replayed_{name}": value for name, value in figures.items()},
        "pairs_replayed": rows.replayed,
        "visits": int(visits[rows.own].sum()),
        "visits_replayed": int(visits[rows.again].sum()),
    }


def _figures(rows: Rows, part: slice, measured: Measured, metrics: Metrics) -> dict[str, float]:
    """Return the figures of some rows, of all losses and of the loss at hand."""
    before, after, reference = (logprobs[:, part] for logprobs in measured)
    return {**_logprob_metrics(before, after), **metrics(_pairs_of(rows, part, after, reference))}


def _pairs_of(
    rows: Rows, part: slice, policy: NDArray[np.float64], reference: NDArray[np.float64]
) -> PairLogProbs:
    """Return some rows' log-probabilities as a loss sees them, in float64."""
    from torch import from_numpy

    chosen, rejected = map(from_numpy, policy)
    reference_chosen, reference_rejected = map(from_numpy, reference)
    chosen_tokens, rejected_tokens = map(from_numpy, rows.lengths[:, part])
    measured = (chosen, rejected, reference_chosen, reference_rejected)
    known = {name: from_numpy(column[part]) for name, column in rows.columns.items()}
    told = (known["weight"], known["chosen_U"], known["gap"])
    return PairLogProbs(*measured, chosen_tokens, rejected_tokens, *told)
