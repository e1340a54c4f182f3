"""How much the sampling loop holds at once, told before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from udasa_core.records import SamplingOptions

# Columns of keys and values that are cleaned at a time: in every row, as soon as the first prompt has one.
STRIP = 32
# Bytes that the loop keeps of each token of every response: a random number, which is drawn beforehand; its
# id and three figures, written as it is drawn.
_DRAWN, _WRITTEN = 4, 8 + 3 * 4


def rows_at_once(prompts_at_once: int, prompts: int, responses: int) -> int:
    """Return how many responses room is kept for: all of a prompt's decode together."""
    return min(prompts_at_once, prompts) * responses


def bytes_of_sampling(
    prompts_at_once: int, prompts: int, longest: int, sampling: SamplingOptions, token: int, *, is_gpu: bool
) -> tuple[int, int]:
    """Return the bytes that `sample` holds at once: at least, of prompts of one token, and at most.

    prompts_at_once: whose responses decode together, of so many prompts in all. longest: the tokens of the
    longest prompt; token: bytes of one token's keys and values. A GPU reserves all that may be needed. Other
    systems give memory as it is reached: there it is at least what the first prompt's beginning takes (see
    `Slots`).
    """
    budget = sampling.max_new_tokens + (sampling.thinking_tokens or 0)
    rows = rows_at_once(prompts_at_once, prompts, sampling.responses)
    tokens = prompts * sampling.responses * budget
    reached = 1 + (budget if is_gpu else min(budget, STRIP))
    written = tokens * (_DRAWN + _WRITTEN)
    least = rows * reached * token + (written if is_gpu else tokens * _DRAWN)
    return least, rows * (longest + budget) * token + written
