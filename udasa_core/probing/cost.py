"""What a whole run costs, extrapolated from what some of its prompts cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from udasa_core.records import Group, Pair
from udasa_core.store.output import CONTROLS, HELD_OUT, TRAINING


@dataclass(frozen=True, slots=True)
class Cost:
    """Figures of the whole run.

    asked: prompts that are sampled: training ones, control ones, held-out ones twice (before and after).
    tokens: sampled for these, voters among them. sampling, scoring: seconds for these; NaN where they were
    not measured. pairs, trained_tokens: what one pass of training reads, prompts of both sides among it.
    memory: the peak in bytes of the process that sampled and scored, and device_memory that on its
    accelerator (0 without one); NaN where it was not measured.
    """

    asked: int
    tokens: float
    sampling: float
    scoring: float
    pairs: float
    trained_tokens: float
    memory: float
    device_memory: float


def cost(
    groups: Sequence[Group],
    pairs: Sequence[Pair],
    sizes: Mapping[str, int],
    measured: Mapping[str, float],
) -> Cost:
    """Extrapolate from some groups and their pairs.

    sizes: prompts by split. measured: seconds of "sampling" and "scoring" these, and what `peak_memory`
    gives, as far as they are known.
    """
    asked = sizes[TRAINING] + 2 * sizes[HELD_OUT] + sizes[CONTROLS]
    tokens = sum(len(one.token_ids) for group in groups for one in group.heard)
    read = sum(
        2 * len(pair.prompt_token_ids) + len(pair.chosen.token_ids) + len(pair.rejected.token_ids)
        for pair in pairs
    )
    whole, training = asked / len(groups), sizes[TRAINING] / len(groups)
    nan = float("nan")
    return Cost(
        asked=asked,
        tokens=tokens * whole,
        sampling=measured.get("sampling", nan) * whole,
        scoring=measured.get("scoring", nan) * whole,
        pairs=len(pairs) * training,
        trained_tokens=read * training,
        memory=measured.get("memory", nan),
        device_memory=measured.get("device_memory", nan),
    )
