"""The learning rate over a whole run: one rise and one fall, of which each stage has its part."""

from __future__ import annotations

import math
from collections.abc import Callable

from udasa_core import Stage
from udasa_plugin_preference.options import PreferenceOptions


def over_the_run(options: PreferenceOptions, stage: Stage, steps: int) -> Callable[[int], float]:
    """Return what the peak learning rate is multiplied by, in [0, 1], after so many of a stage's steps.

    A stage has the part of the run that its own pairs are of all stages' pairs, whatever its epochs and
    batches are: parts are known beforehand, other stages' steps are not.
    """
    own = stage.size - stage.replayed
    total = stage.before + own + stage.after
    begin, part = (stage.before / total, own / total) if total else (0.0, 1.0)
    return lambda step: _height(options, begin + part * min(step / steps, 1.0))


def _height(options: PreferenceOptions, place: float) -> float:
    """Return the curve's height at a place of the run in [0, 1]."""
    if place < options.warmup:
        return place / options.warmup
    left = (1.0 - place) / (1.0 - options.warmup)
    if options.scheduler == "linear":
        return max(0.0, left)
    if options.scheduler == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * (1.0 - left)))
    return 1.0
