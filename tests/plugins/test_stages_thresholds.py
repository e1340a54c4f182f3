from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.plugins.groups import RESOURCES
from udasa_core import PairTable, StagePlan
from udasa_plugin_stages.thresholds import Thresholds


def _plan(gaps: dict[str, float], **options: object) -> StagePlan:
    thresholds = Thresholds(Thresholds.Options.model_validate(options), "thresholds", RESOURCES)
    return thresholds.udasa_stage(PairTable(list(gaps), np.array(list(gaps.values())), np.zeros(len(gaps))))


def test_bounds_belong_to_the_stage_above_them() -> None:
    plan = _plan({"e": 0.01, "d": 0.2, "c": 0.59, "b": 0.6, "a": 1.0, "f": 0.19}, bounds=[0.6, 0.2])
    assert list(plan.stages.items()) == [
        ("conservative", ("a", "b")),
        ("moderate", ("c", "d")),
        ("exploratory", ("f", "e")),
    ]


def test_a_stage_may_be_empty_and_the_rest_is_dropped_with_the_reason() -> None:
    plan = _plan({"a": 0.9, "none": float("nan"), "zero": 0.0})
    assert [len(ids) for ids in plan.stages.values()] == [1, 0, 0]
    assert dict(plan.dropped) == {
        "zero": "gap not positive",
        "none": "no gap: the pair was not made by U",
    }


def test_stage_names_are_known_before_running() -> None:
    thresholds = Thresholds(Thresholds.Options(), "t", RESOURCES)
    assert thresholds.stage_names == ("conservative", "moderate", "exploratory")


@pytest.mark.parametrize("low", [0.5, 0.7])
def test_bounds_in_the_wrong_order_are_refused_with_both_values(low: float) -> None:
    with pytest.raises(ValidationError, match=rf"bounds descend, and {low} comes after 0.5"):
        Thresholds.Options(bounds=[0.5, low])


def test_any_number_of_stages_has_one_bound_fewer() -> None:
    gaps = {"a": 0.9, "b": 0.5, "c": 0.1}
    assert dict(_plan(gaps, names=["all"], bounds=[]).stages) == {"all": ("a", "b", "c")}
    four = _plan(gaps, names=["first", "second", "third", "last"], bounds=[0.8, 0.6, 0.2])
    assert [len(ids) for ids in four.stages.values()] == [1, 0, 1, 1]
    with pytest.raises(ValidationError, match="2 names and 2 bounds: give one bound fewer than names"):
        Thresholds.Options(names=["early", "late"])


@given(
    st.dictionaries(st.text("abc123", min_size=1, max_size=6), st.floats(-1.0, 1.0), max_size=40),
    st.floats(0.01, 0.5),
    st.floats(0.51, 1.0),
)
def test_every_pair_is_where_its_gap_says(gaps: dict[str, float], low: float, high: float) -> None:
    plan = _plan(gaps, bounds=[high, low])
    stages = {pair_id: name for name, ids in plan.stages.items() for pair_id in ids}
    for pair_id, gap in gaps.items():
        expected = None
        if gap > 0:
            expected = "conservative" if gap >= high else "moderate" if gap >= low else "exploratory"
        assert stages.get(pair_id) == expected
    assert len(stages) + len(plan.dropped) == len(gaps)
