"""What gates, the guard and rounds go by: each fault is told where it stands, with what to type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.errors import ConfigError

SUITE = {"use": "tests.canned:Suite", "name": "quiz"}


@pytest.fixture
def plain(tmp_path: Path, tiny_model_dir: Path) -> dict[str, Any]:
    return configuration(tmp_path, tiny_model_dir, suite=[SUITE])


def faults(plain: dict[str, Any], *overrides: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        udasa_core.load(plain, overrides)
    return {fault.path: f"{fault.message} {fault.hint}" for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("gate", "path", "told"),
    [
        ({"figure": "U"}, "gate.U.figure", "U alone can be no gate"),
        ({"figure": "u one"}, "gate.u one.figure", "can be no gate"),
        ({"figure": "entorpy"}, "gate.entorpy.figure", 'did you mean "entropy"?'),
        ({"figure": "quizz adapters"}, "gate.quizz adapters.figure", 'did you mean "quiz adapters"?'),
        ({"figure": "perplexity"}, "gate.perplexity.figure", '"quiz FIGURE"'),
        ({"figure": "quiz"}, "gate.quiz.figure", 'write "quiz FIGURE"'),
        ({"figure": "quiz adapters"}, "gate.quiz adapters.better", 'write "higher" or "lower"'),
        ({"figure": "length"}, "gate.length.better", "does not say itself"),
        ({"figure": "entropy", "max_drop": -1.0}, "gate.entropy.max_drop", "takes a number of 0 or more"),
        ({"figure": "entropy", "action": "halt"}, "gate.entropy.action", "'rollback'"),
    ],
)
def test_a_gate_that_cannot_be_is_refused(
    plain: dict[str, Any], gate: dict[str, Any], path: str, told: str
) -> None:
    plain["gate"] = [{"max_drop": 0.1, **gate}]
    assert told in faults(plain)[path]


def test_without_held_out_prompts_none_of_their_figures_can_be_asked_for(plain: dict[str, Any]) -> None:
    plain["gate"] = [{"figure": "entropy", "max_drop": 0.1}, {"figure": "pair accuracy", "max_drop": 0.1}]
    plain["guard"] = {"action": "stop"}
    plain["run"]["held_out"] = 0.0
    assert set(faults(plain)) == {"gate.entropy.figure", "guard.action"}
    # The guard looks at nothing without them, at a suite's figure neither.
    plain |= {"gate": [], "guard": {"any_of_k": "quiz adapters"}}
    assert set(faults(plain)) == {"guard.any_of_k"}


@pytest.mark.parametrize(
    ("rounds", "path", "told"),
    [
        ({"count": 0}, "rounds.count", "takes a number of 1 or more"),
        ({"count": 2, "until": "pair accuracy"}, "rounds.until", "a round's own pairs"),
        ({"count": 2, "until": "agrement"}, "rounds.until", 'did you mean "agreement"?'),
        ({"count": 2, "until": "quiz adapters"}, "rounds.better", "does not say itself"),
        ({"count": 2, "reference": "base"}, "rounds.reference", '[trainer] reference = "base"'),
    ],
)
def test_rounds_that_cannot_be_are_refused(
    plain: dict[str, Any], rounds: dict[str, Any], path: str, told: str
) -> None:
    plain["rounds"] = rounds
    assert told in faults(plain)[path]


def test_the_reference_of_rounds_counts_where_one_stage_alone_is_compared_with_it(
    plain: dict[str, Any],
) -> None:
    plain["rounds"] = {"count": 2, "reference": "base"}
    plain["trainer"]["moderate"] = {"reference": "base"}
    assert udasa_core.load(plain).rounds.reference == "base"


def test_a_gate_is_overridden_by_its_figure(plain: dict[str, Any]) -> None:
    plain["gate"] = [{"figure": "entropy", "max_drop": 0.1}]
    config = udasa_core.load(plain, ["gate.entropy.max_drop=0.5", 'gate.entropy.action="stop"'])
    assert (config.gates[0].max_drop, config.gates[0].action) == (0.5, "stop")
    assert "no [[gate]] has that name; names: entropy" in str(faults(plain, "gate.length.max_drop=1.0"))


def test_two_gates_of_one_figure_are_both_overridden(plain: dict[str, Any]) -> None:
    plain["gate"] = [
        {"figure": "entropy", "max_drop": 0.1},
        {"figure": "length", "max_drop": 9.0, "better": "lower"},
        {"figure": "entropy", "max_drop": 0.2, "against": "base"},
    ]
    config = udasa_core.load(plain, ["gate.entropy.max_drop=0.5", 'gate.entropy.action="stop"'])
    told = [(gate.max_drop, gate.action, gate.against) for gate in config.gates]
    assert told == [(0.5, "stop", "previous"), (9.0, "warn", "previous"), (0.5, "stop", "base")]


def test_what_is_not_asked_for_is_not_measured(plain: dict[str, Any]) -> None:
    def watched(**tables: Any) -> tuple[bool, bool]:
        config = udasa_core.load({**plain, **tables})
        return config.watches_prompts, config.watches_pairs

    assert watched() == (False, False)
    assert watched(transitions={"measure": True}) == (True, True)
    assert watched(guard={"action": "stop"}) == (True, False)
    assert watched(gate=[{"figure": "entropy", "max_drop": 0.1}]) == (True, False)
    assert watched(gate=[{"figure": "pair accuracy", "max_drop": 0.1}]) == (False, True)
    gate = {"figure": "quiz score", "max_drop": 0.1, "better": "higher"}
    assert watched(gate=[gate]) == (False, False)


def test_which_end_of_a_figure_is_better_is_what_it_says_or_was_told() -> None:
    told = {
        "gate": [{"figure": "length", "better": "lower"}, {"figure": "entropy"}],
        "rounds": {"until": "quiz accuracy", "better": "higher"},
        "guard": {"any_of_k": "quiz any"},
    }
    ends = {
        figure: (udasa_core.better_end(figure, {}), udasa_core.better_end(figure, told))
        for figure in ("length", "entropy", "pair accuracy", "truncated", "quiz accuracy", "quiz any", "U")
    }
    assert ends == {
        "length": (None, "lower"),
        "entropy": ("higher", "higher"),
        "pair accuracy": ("higher", "higher"),
        "truncated": ("lower", "lower"),
        "quiz accuracy": (None, "higher"),
        "quiz any": (None, "higher"),
        "U": (None, None),
    }
