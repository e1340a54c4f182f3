"""The sentences of a response as claims: one figure a sentence becomes one score a response."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from udasa_core import Abstain, Options, Score

Over = Literal["mean", "max"]

ALONE = Abstain("the prompt has one response: there is no other to check it against")
SILENT = Abstain("the response has no sentence: there is nothing to check")


class ClaimOptions(Options):
    """What every dimension that goes by sentence may be told."""

    over: Over = Field(
        default="mean",
        description="How sentences make one score: their `mean`, or the `max`, by which one doubtful "
        "sentence is enough.",
    )


def combined(figures: Sequence[float], over: Over) -> float:
    """Return the mean or the greatest of one figure or more."""
    return max(figures) if over == "max" else math.fsum(figures) / len(figures)


def over_sentences(figures: Sequence[float], over: Over) -> Score:
    """Return the mean or the greatest of a response's figures; abstains where it has no sentence."""
    return combined(figures, over) if figures else SILENT
