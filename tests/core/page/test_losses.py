"""What surely became worse: each figure once, the gravest first; and which model to take."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from udasa_core.page.directions import end_of
from udasa_core.page.gains import Gain
from udasa_core.page.harm import harm_table, harm_told
from udasa_core.page.losses import harms
from udasa_core.page.taking import taking_told
from udasa_core.records import Metric

CONFIG = {"suite": [{"use": "short-answers", "name": "quiz"}], "gate": [], "guard": {}}


def run_of(*labels: str) -> Any:
    """A run of one stage a round, without suites."""
    stages = [
        SimpleNamespace(label=label, round=number, trained=True, rolled_back=False)
        for number, label in enumerate(labels)
    ]
    manifest = SimpleNamespace(plain={"config": CONFIG})
    return SimpleNamespace(stages=lambda: stages, manifest=manifest, rounds=lambda: range(len(labels)))


def decision(watch: str, stage: str, worse: float, bound: float, verdict: str, **more: Any) -> dict[str, Any]:
    numbers = {"before": 1.0, "after": 1.0 - worse, "worse": worse, "low": worse - 0.1, "high": worse + 0.1}
    told = {"figure": "entropy", "against": "base", "was": "base", "n": 26, "action": "warn"}
    return {**told, **numbers, "watch": watch, "stage": stage, "bound": bound, "verdict": verdict, **more}


def move(name: str, before: float, after: float) -> dict[str, Any]:
    change = after - before
    return {
        "name": name,
        "before": before,
        "after": after,
        "low": change - 0.05,
        "high": change + 0.05,
        "n": 26,
    }


def told_of(**changed: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"gates": [], "suites": {}, "held_out": [], "transitions": [], "rounds": []}
    return {**plain, "training": [], **changed}


def test_the_worst_and_the_last_models_harm_are_told_with_stage_and_round() -> None:
    gates = [
        decision("gate", "a", 0.3, 0.2, "tripped"),
        decision("guard", "a", 0.3, 0.5, "certified"),
        decision("gate", "b", 0.8, 0.2, "tripped"),
        decision("guard", "b", 0.8, 0.5, "tripped"),
        decision("gate", "c", 0.7, 0.2, "tripped"),
    ]
    moves = [
        {"before": "base", "after": "a", "moves": [move("entropy", 1.0, 0.7), move("length", 9.0, 4.0)]},
        {"before": "a", "after": "b", "moves": [move("entropy", 0.7, 0.2)]},
        {"before": "b", "after": "c", "moves": [move("entropy", 0.2, 0.3), move("truncated", 0.1, 0.4)]},
    ]
    held_out = [
        move("distinct responses", 0.9, 0.5),
        move("U", 0.5, 0.9),
        {**move("abstained", 0, 1), "n": 19},
    ]
    run = run_of("a", "b", "c")
    found = harms(run, told_of(gates=gates, transitions=moves, rounds=moves, held_out=held_out))
    assert [(harm.figure, harm.worst.stage, harm.stages) for harm in found] == [
        ("entropy", "b", 3),
        ("distinct responses", "c", 1),
        ("truncated", "c", 1),
    ]
    assert found[0].tripped == ("a", "b", "c")
    worst, left = (part.text for part in harm_told(run, found))
    assert worst.startswith(
        "Worst harm: entropy after b (round 2), 1.000 → 0.200, worse by 0.800 [0.700, 0.900], beside the "
        "base, where 0.2 was allowed."
    )
    assert "The round that cost most of it is round 2: 0.700 → 0.200" in worst
    assert left.startswith(
        "The model that the run left, c, is surely worse than the base in 2 figures: entropy,"
    )
    assert "distinct responses, 0.900 → 0.500, worse by 0.400" in left
    table = harm_table(run, found)
    assert table.title == "Harm: 3 figures surely became worse after some stage"
    assert table.rows[2][2] == "b"


def test_where_nothing_became_worse_nothing_is_told() -> None:
    moves = [{"before": "base", "after": "a", "moves": [move("entropy", 0.5, 0.9), move("U", 0.1, 0.9)]}]
    assert harms(run_of("a"), told_of(transitions=moves)) == []
    assert list(harm_told(run_of("a"), [])) == []


@pytest.mark.parametrize(
    ("figure", "end"),
    [
        ("truncated", "lower"),
        ("quiz truncated", "lower"),
        ("quiz single_cluster", "lower"),
        ("quiz any_of_k", "higher"),
        ("pair accuracy of conservative", "higher"),
        ("U", None),
        ("length", None),
        ("quiz length", None),
        ("other accuracy", None),
    ],
)
def test_one_rule_says_which_end_is_better(figure: str, end: str | None) -> None:
    assert end_of(figure, CONFIG) == end
    assert end_of(figure, {**CONFIG, "gate": [{"figure": figure, "better": "higher"}]}) == "higher"


def gain(model: str, value: float, low: float) -> Gain:
    return Gain("quiz", model, "base", Metric("difference", value, low, value + 0.1, 60))


def test_of_earlier_models_that_are_alike_the_one_with_less_harm_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("udasa_core.page.taking.between", lambda *_: gain("b", 0.01, -0.05))
    some = [gain("a", 0.2, 0.1), gain("b", 0.21, 0.1), gain("c", 0.05, -0.1)]
    gates = [decision("gate", "a", 0.3, 0.2, "tripped"), decision("gate", "b", 0.8, 0.2, "tripped")]
    (told,) = taking_told(run_of("a", "b", "c"), {"quiz": some}, gates)
    assert "Take a: no other is surely better than it, and its gates were exceeded least." in told.text
    assert "[rounds] count = 1 in the TOML" in told.text
    assert told.text.endswith("Look first at what had tripped by then: entropy, 1.000 → 0.700.")
    assert not list(taking_told(run_of("a", "b"), {"quiz": [some[0], gain("c", 0.3, 0.2)]}, gates))
