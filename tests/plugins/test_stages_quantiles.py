from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.plugins.groups import RESOURCES
from udasa_core import PairTable, StagePlan, content_key
from udasa_plugin_stages.quantiles import Quantiles

NAN = float("nan")


def _table(gaps: dict[str, float]) -> PairTable:
    return PairTable(list(gaps), np.array(list(gaps.values())), np.full(len(gaps), 0.2))


def _plan(gaps: dict[str, float], **options: object) -> StagePlan:
    quantiles = Quantiles(Quantiles.Options.model_validate(options), "quantiles", RESOURCES)
    return quantiles.udasa_stage(_table(gaps))


def test_a_planted_order_ends_in_the_right_stages_and_the_first_get_the_remainder() -> None:
    plan = _plan({"d": 0.4, "a": 0.9, "g": 0.1, "b": 0.8, "f": 0.2, "c": 0.7, "h": 0.05, "e": 0.3})
    assert list(plan.stages.items()) == [
        ("conservative", ("a", "b", "c")),
        ("moderate", ("d", "e", "f")),
        ("exploratory", ("g", "h")),
    ]
    assert plan.dropped == ()


def test_ties_go_by_pair_id_whatever_order_they_come_in() -> None:
    plan = _plan({"z": 0.5, "a": 0.5, "m": 0.5})
    assert list(plan.stages.values()) == [("a",), ("m",), ("z",)]
    assert plan == _plan({"m": 0.5, "z": 0.5, "a": 0.5})


def test_pairs_without_a_positive_gap_are_dropped_with_the_reason() -> None:
    plan = _plan({"a": 0.5, "none": NAN, "zero": 0.0, "minus": -0.2})
    assert list(plan.stages.values()) == [("a",), (), ()]
    assert plan.dropped == (
        ("minus", "gap not positive"),
        ("zero", "gap not positive"),
        ("none", "no gap: the pair was not made by U"),
    )


def test_spread_deals_ungapped_pairs_out_evenly_and_still_drops_the_others() -> None:
    gaps = {content_key(number): NAN for number in range(100)} | {"zero": 0.0, "a": 0.3}
    plan = _plan(gaps, ungapped="spread")
    assert [len(ids) for ids in plan.stages.values()] == [35, 33, 33]
    assert next(iter(plan.stages.values()))[0] == "a"
    assert plan.dropped == (("zero", "gap not positive"),)
    assert plan == _plan(dict(reversed(gaps.items())), ungapped="spread")
    # By a hash, not in the order of ids.
    middle = list(plan.stages.values())[1]
    assert list(middle) != sorted(middle)


def test_named_stages_are_exposed_in_order() -> None:
    options = Quantiles.Options(names=["first", "last"])
    quantiles = Quantiles(options, "q", RESOURCES)
    assert quantiles.stage_names == ("first", "last")
    assert list(quantiles.udasa_stage(_table({"a": 0.2})).stages) == ["first", "last"]


@pytest.mark.parametrize(
    ("names", "told"),
    [([], "at least 1"), (["a", "a"], "two stages are named 'a'"), (["../up"], "pattern"), ([""], "pattern")],
)
def test_names_that_make_no_sense_are_refused(names: list[str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Quantiles.Options(names=names)


def test_the_order_of_training_may_be_another_than_that_of_the_gaps() -> None:
    plan = _plan({"a": 0.9, "b": 0.5, "c": 0.1}, names=["x", "y", "z"], order=["y", "z", "x"])
    assert list(plan.stages.items()) == [("y", ("b",)), ("z", ("c",)), ("x", ("a",))]


@pytest.mark.parametrize("order", [["x"], ["x", "x"], ["x", "y", "z"]])
def test_an_order_of_other_names_is_refused(order: list[str]) -> None:
    with pytest.raises(ValidationError, match=r"has not just the names \(x, y\)"):
        Quantiles.Options(names=["x", "y"], order=order)


ids = st.text("abcdef0123456789", min_size=1, max_size=6)
any_gap = st.one_of(st.floats(-1.0, 1.0), st.just(NAN))


@given(st.dictionaries(ids, any_gap, max_size=40), st.integers(1, 5), st.sampled_from(["drop", "spread"]))
def test_the_partition_is_complete_ordered_and_even(gaps: dict[str, float], count: int, rule: str) -> None:
    plan = _plan(gaps, names=[f"s{index}" for index in range(count)], ungapped=rule)
    staged = [pair_id for ids in plan.stages.values() for pair_id in ids]
    assert sorted([*staged, *(pair_id for pair_id, _ in plan.dropped)]) == sorted(gaps)
    gapped = [[gaps[i] for i in ids if not np.isnan(gaps[i])] for ids in plan.stages.values()]
    flat = [gap for stage in gapped for gap in stage]
    assert flat == sorted(flat, reverse=True)
    assert all(gap > 0 for gap in flat)
    sizes = [len(stage) for stage in gapped]
    assert sizes == sorted(sizes, reverse=True)
    assert max(sizes) - min(sizes) <= 1


def test_a_million_pairs_are_seconds() -> None:
    generator = np.random.default_rng(0)
    gaps = generator.uniform(-0.1, 1.0, 1_000_000).round(4)
    gaps[::10] = NAN
    table = PairTable([f"{number:016x}" for number in generator.permutation(1_000_000)], gaps, gaps)
    start = time.perf_counter()
    plan = Quantiles(Quantiles.Options(ungapped="spread"), "q", RESOURCES).udasa_stage(table)
    assert time.perf_counter() - start < 20.0
    assert sum(map(len, plan.stages.values())) + len(plan.dropped) == 1_000_000
