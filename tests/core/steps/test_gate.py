"""A gate's decision: hand-computed bounds, and how often chance alone trips it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import default_rng

from udasa_core.config.transitions import GateTable
from udasa_core.steps.gate import _decision
from udasa_core.steps.transition import _paired
from udasa_core.store.moves import Move


def move(low: float | None, high: float | None, name: str = "entropy") -> Move:
    return Move(name, 1.0, 0.8, low, high, 10, "prompt")


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.3, -0.15, "tripped"),  # a fall of .15 to .3, beyond the bound of .1
        (-0.3, -0.05, "not certified"),
        (-0.09, 0.2, "certified"),
        (None, None, "not certified"),
    ],
)
def test_only_the_whole_interval_decides(low: float | None, high: float | None, verdict: str) -> None:
    gate = GateTable(figure="entropy", max_drop=0.1)
    assert _decision(gate, [move(low, high)]).verdict == verdict


def test_where_lower_is_better_a_rise_is_the_drop() -> None:
    gate = GateTable(figure="truncated", max_drop=0.1)
    found = _decision(gate, [Move("truncated", 0.1, 0.5, 0.2, 0.6, 10, "prompt")])
    assert (found.worse, found.low, found.high, found.verdict) == (pytest.approx(0.4), 0.2, 0.6, "tripped")
    assert _decision(gate, [Move("truncated", 0.5, 0.1, -0.6, -0.2, 10, "prompt")]).verdict == "certified"


def test_what_was_not_measured_trips_nothing() -> None:
    found = _decision(GateTable(figure="pair accuracy", max_drop=0.0), [move(-0.3, -0.2)])
    assert (found.verdict, found.tripped, found.n) == ("not measured", False, 0)


@pytest.mark.slow
@pytest.mark.parametrize("items", [6, 20, 100])
def test_false_alarms_are_at_most_a_tenth(items: int) -> None:
    """200 runs of three stages, two gates each: right answers that differ between draws, and nothing else."""
    gate, found = GateTable(figure="quiz score", max_drop=0.02), 0
    for seed in range(200):
        random = default_rng(seed)
        chances = random.beta(1.0, 1.0, (2, items))
        before = (random.random((2, items)) < chances).astype(float)
        tripped = False
        for _ in range(3):
            after = (random.random((2, items)) < chances).astype(float)
            for old, new in zip(before, after, strict=True):
                decision = _decision(gate, list(_paired("quiz score", old, new, "item")))
                tripped = tripped or decision.tripped
            before = after
        found += tripped
    assert found <= 20


@pytest.mark.slow
def test_a_planted_fall_is_found() -> None:
    """Half of the right answers to a hundred questions is lost."""
    gate, random = GateTable(figure="quiz score", max_drop=0.05), default_rng(1)
    for _ in range(20):
        right = (random.random(100) < 0.7).astype(float)
        lost = right * (random.random(100) < 0.5)
        assert _decision(gate, list(_paired("quiz score", right, np.asarray(lost), "item"))).tripped
