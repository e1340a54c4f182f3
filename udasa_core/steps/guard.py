"""Step `guard`: a policy beside the base → whether it collapses onto fewer answers, with the evidence.

Each sign is a mean over the held-out prompts, and trips where its whole interval lies above its bound.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from udasa_core.config.transitions import GuardTable
from udasa_core.job.job import Job
from udasa_core.plugins.compared import same_answer
from udasa_core.statistics.student import student_interval
from udasa_core.store.decisions import Decision, of_move
from udasa_core.store.meters import ENTROPY, HALVES_DIFFER, MAJORITY, QUESTION, SINGLE, Measured, figures_from
from udasa_core.store.moves import FEWEST, Move
from udasa_core.store.output import Output

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy import float64
    from numpy.typing import NDArray

FLIPS = "majority flips"
# Prompts whose texts are compared at once.
_AT_A_TIME = 1024


def watch_over(
    job: Job, base: Measured, policy: Measured, was: str, moves: Sequence[Move], *, round: int
) -> tuple[Decision, ...]:
    """Return the guard's decision on each sign.

    was: the label of the policy before the stage, or the round. moves: of the policy, against the base; only
    that of `any_of_k` is used. round: in which the policy was trained, from 0.
    """
    guard = job.config.guard
    any_of_k = next((move for move in moves if move.name == guard.any_of_k), None)

    def make(key: str) -> None:
        names = [QUESTION, MAJORITY, HALVES_DIFFER, SINGLE, ENTROPY]
        before, after = (job.store.read_table("meters", one.meters, names) for one in (base, policy))
        flips = _flips(before, after)
        found = [*signs(figures_from(before), figures_from(after), flips, guard)]
        if guard.any_of_k:
            bound = guard.any_of_k_drop
            found.append(
                of_move("guard", guard.any_of_k, "base", any_of_k, bound, guard.action, is_fall=True)
            )
        told = [one.to_json() for one in found]
        job.store.write_json("guard", key, {"stage": policy.label, "was": was, "decisions": told})

    ingredients = {
        "guard": guard.model_dump(mode="json"),
        "base": base.meters,
        "policy": policy.meters,
        "any_of_k": any_of_k.to_json() if any_of_k else {},
        "stage": policy.label,
        "was": was,
    }
    output = Output("guard", round=round, instance=policy.label)
    key = job.outputs.once(output, f"guard after {policy.label}", ingredients, make)
    return tuple(map(Decision.from_json, job.store.read_json("guard", key)["decisions"]))


def signs(
    base: Mapping[str, NDArray[float64]],
    policy: Mapping[str, NDArray[float64]],
    flips: NDArray[float64],
    guard: GuardTable,
) -> Iterator[Decision]:
    """Yield the decision on each sign, from figures by prompt: those of the base and of the policy, and 1
    where the majority answer is another one, 0 where not; NaN where there is none."""
    yield _mean_of(FLIPS, base[HALVES_DIFFER], flips, guard.flips, guard)
    yield _mean_of(SINGLE, base[SINGLE], policy[SINGLE], guard.single_cluster, guard)
    yield _fall_of(ENTROPY, base[ENTROPY], policy[ENTROPY], guard.entropy, guard)


def _mean_of(
    figure: str, base: NDArray[float64], policy: NDArray[float64], bound: float, guard: GuardTable
) -> Decision:
    """Hold a rise against its bound."""
    before, after = _both(base, policy)
    low, high = student_interval(after - before, FEWEST, unit=1.0)
    return _decision(figure, before, after, _mean(after - before), low, high, bound, guard)


def _fall_of(
    figure: str, base: NDArray[float64], policy: NDArray[float64], bound: float, guard: GuardTable
) -> Decision:
    """Hold a fall, as a share of what the base has, against its bound: a ratio of means, linearised."""
    before, after = _both(base, policy)
    whole = _mean(before)
    if not whole > 0:
        return _decision(figure, before[:0], after[:0], math.nan, -math.inf, math.inf, bound, guard)
    fall = _mean(before - after) / whole
    low, high = student_interval(fall + (before - after - fall * before) / whole, FEWEST)
    return _decision(figure, before, after, fall, low, high, bound, guard)


def _both(base: NDArray[float64], policy: NDArray[float64]) -> Sequence[NDArray[float64]]:
    import numpy as np

    there = ~(np.isnan(base) | np.isnan(policy))
    return base[there], policy[there]


def _mean(values: NDArray[float64]) -> float:
    return float(values.mean()) if len(values) else math.nan


def _decision(
    figure: str,
    before: NDArray[float64],
    after: NDArray[float64],
    worse: float,
    low: float,
    high: float,
    bound: float,
    guard: GuardTable,
) -> Decision:
    if not len(before):
        return Decision("guard", figure, "base", None, None, None, None, None, 0, bound, guard.action)
    is_bounded = math.isfinite(low)
    return Decision(
        "guard",
        figure,
        "base",
        _mean(before),
        _mean(after),
        worse,
        low if is_bounded else None,
        high if is_bounded else None,
        len(before),
        bound,
        guard.action,
    )


def _flips(base: pa.Table, policy: pa.Table) -> NDArray[float64]:
    import numpy as np

    columns = ((base, QUESTION), (base, MAJORITY), (policy, MAJORITY))
    found = array("d")
    for start in range(0, len(base), _AT_A_TIME):
        # Some texts at a time: there may be millions.
        texts: list[list[Any]] = [table[name].slice(start, _AT_A_TIME).to_pylist() for table, name in columns]
        found.extend(
            math.nan if None in (one, other) else float(not same_answer(question, one, other))
            for question, one, other in zip(*texts, strict=True)
        )
    return np.frombuffer(found, dtype=np.float64)
