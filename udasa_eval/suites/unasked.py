"""Prompts that the generator did not take: counted, and refused where they are all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy import float64

from udasa_core import Metric, Resamples, UdasaError


def refuse_silence(suite: str, answers: Sequence[object], remedy: str = "lower max_new_tokens") -> None:
    """Raise UdasaError where none of a suite's prompts was answered. answers: None for each that was not."""
    if all(answer is None for answer in answers):
        raise UdasaError(
            f"suite {suite!r}: none of {len(answers)} prompts was answered, for the generator took none; the "
            f"log says why: {remedy}"
        )


def not_asked(answers: Sequence[object], resamples: Resamples) -> list[Metric]:
    """Return not_asked, the share of prompts that were not answered (None), where there are any."""
    missed = np.array([answer is None for answer in answers], dtype=float64)
    return [resamples.mean("not_asked", missed)] if missed.any() else []
