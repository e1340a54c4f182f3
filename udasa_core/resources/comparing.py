"""A reader's verdicts as log-odds: on a text, and on two responses side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from udasa_core.records import Message, Prompt

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    from udasa_core.resources.protocols import Reader

# A reader surer than this counts as this sure, so that log-odds stay finite.
_SUREST = 1e-6


def log_odds(p: NDArray[float64]) -> NDArray[float64]:
    """Return ln(p / (1 − p)) of probabilities in [0, 1], in about ±13.8; unlike them they can be added."""
    import numpy as np
    from scipy.special import logit

    odds: NDArray[float64] = logit(np.clip(p, _SUREST, 1.0 - _SUREST))
    return odds


def preference_margins(reader: Reader, compared: Sequence[tuple[Prompt, str, str]], ask: str) -> list[float]:
    """Return, for each prompt with two responses i and j, how much more a reader likes i, in log-odds:

        x_ij = ½ (logit p_ij − logit p_ji)

    p_ij: its probability of yes to `ask`, a question to which yes speaks for the first, where i stands first.
    What speaks for a place (the first, the second, or yes) is in both and cancels. In ±13.8; 0 is no
    preference; x_ji = −x_ij.

    Source: pairwise judgements by a language model in both orders (Zheng et al. 2023, arXiv 2306.05685,
    section 3.4, who call a tie where the orders differ; here log-odds are averaged).
    """
    if not compared:
        return []
    conversations = [
        _side_by_side(prompt, *both)
        for prompt, one, other in compared
        for both in ((one, other), (other, one))
    ]
    said = reader.yes_probabilities(conversations, (ask,))[:, 0]
    odds = log_odds(said).reshape(-1, 2)
    margins: list[float] = (0.5 * (odds[:, 0] - odds[:, 1])).tolist()
    return margins


def _side_by_side(prompt: Prompt, first: str, second: str) -> tuple[Message, ...]:
    """Return the prompt with two responses in the place of one."""
    both = f"\nThe first response:\n{first}\n\nThe second response:\n{second}"
    return (*prompt.messages, Message("assistant", both))
