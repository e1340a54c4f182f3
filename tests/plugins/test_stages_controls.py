"""The controls: `single`, `reversed` and `shuffled`."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.plugins.groups import RESOURCES
from udasa_core import PairTable, StagePlan
from udasa_plugin_stages.quantiles import Quantiles
from udasa_plugin_stages.reversed import Reversed
from udasa_plugin_stages.shuffled import Shuffled
from udasa_plugin_stages.single import Single

GAPS = st.dictionaries(
    st.text("abc123", min_size=1, max_size=6), st.floats(-0.2, 1.0) | st.just(float("nan")), max_size=30
)


def _table(gaps: dict[str, float]) -> PairTable:
    return PairTable(list(gaps), np.array(list(gaps.values())), np.zeros(len(gaps)))


def _plan(policy: Any, table: PairTable, *seed: int, **options: Any) -> StagePlan:
    plan: StagePlan = policy(policy.Options.model_validate(options), "p", RESOURCES).udasa_stage(table, *seed)
    return plan


def _held(plan: StagePlan) -> list[str]:
    return sorted(chain.from_iterable(plan.stages.values()))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(GAPS, st.sampled_from(["drop", "spread"]), st.integers(0, 2**32 - 1))
def test_controls_hold_just_the_pairs_that_quantiles_holds(
    gaps: dict[str, float], rule: str, seed: int
) -> None:
    table = _table(gaps)
    quantiles = _plan(Quantiles, table, ungapped=rule)
    turned = _plan(Reversed, table, ungapped=rule)
    dealt = _plan(Shuffled, table, seed, options={"ungapped": rule})
    one = _plan(Single, table, ungapped=rule)
    for control in (turned, dealt, one):
        assert _held(control) == _held(quantiles)
        assert control.dropped == quantiles.dropped
    assert list(turned.stages.items()) == list(quantiles.stages.items())[::-1]
    assert {name: len(ids) for name, ids in dealt.stages.items()} == {
        name: len(ids) for name, ids in quantiles.stages.items()
    }
    assert list(dealt.stages) == list(quantiles.stages)
    assert list(one.stages) == ["all"]


def test_a_shuffle_follows_its_seed_and_not_the_order_of_arrival() -> None:
    gaps = {f"{number:03}": 1.0 - number / 400 for number in range(300)}
    plan = _plan(Shuffled, _table(gaps), 7)
    assert plan == _plan(Shuffled, _table(dict(reversed(gaps.items()))), 7)
    assert plan != _plan(Shuffled, _table(gaps), 8)
    assert plan != _plan(Shuffled, _table(gaps), 7, draw=1)
    assert _held(plan) == _held(_plan(Shuffled, _table(gaps), 7, draw=1))
    # Each third of the ranks is in each stage, a third of it give or take: 33 of 100, σ 3.9.
    for ids in plan.stages.values():
        assert all(15 < sum(int(one) // 100 == third for one in ids) < 52 for third in range(3))


def test_a_shuffle_has_the_sizes_of_the_policy_that_it_names() -> None:
    gaps = {f"{number:03}": number / 100 for number in range(1, 101)}
    options = {"names": ["early", "late"], "bounds": [0.91], "order": ["late", "early"]}
    plan = _plan(Shuffled, _table(gaps), 7, of="thresholds", options=options)
    assert [(name, len(ids)) for name, ids in plan.stages.items()] == [("late", 90), ("early", 10)]


def test_stage_names_are_those_of_training() -> None:
    names = {"names": ["x", "y", "z"], "order": ["y", "x", "z"]}
    assert Reversed(Reversed.Options(**names), "r", RESOURCES).stage_names == ("z", "x", "y")
    assert Shuffled(Shuffled.Options(options=names), "s", RESOURCES).stage_names == ("y", "x", "z")
    assert Single(Single.Options(names=["whole"]), "s", RESOURCES).stage_names == ("whole",)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"of": "thresholds", "options": {"boundz": [0.5]}},
            "no options of thresholds: boundz: Extra inputs",
        ),
        ({"options": {"names": "early"}}, "no options of quantiles: names: Input should be a valid"),
        ({"of": "single"}, "of\n"),
    ],
)
def test_options_that_the_named_policy_does_not_know_are_refused(options: Any, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Shuffled.Options.model_validate(options)


def test_a_single_stage_has_one_name() -> None:
    with pytest.raises(ValidationError, match="at most 1"):
        Single.Options(names=["a", "b"])
