from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tests.plugins.groups import RESOURCES
from udasa_core import PairTable, StagePlan
from udasa_plugin_stages.certain_first import CertainFirst

NAN = float("nan")


def _plan(pairs: Mapping[str, tuple[float, float]], **options: object) -> StagePlan:
    """pairs: id → (gap, U of the chosen response)."""
    policy = CertainFirst(CertainFirst.Options.model_validate(options), "certain-first", RESOURCES)
    gaps, chosen_U = np.array(list(pairs.values())).reshape(-1, 2).T
    return policy.udasa_stage(PairTable(list(pairs), gaps, chosen_U))


def test_a_pair_stands_as_low_as_the_worse_of_its_two_ranks() -> None:
    plan = _plan(
        {
            "far, doubtful": (0.9, 0.60),  # ranks 0 and 5: 5
            "far, certain": (0.8, 0.05),  # 1 and 1: 1
            "middle, certain": (0.5, 0.10),  # 2 and 2: 2
            "middle, middle": (0.4, 0.30),  # 3 and 3: 3
            "near, middle": (0.3, 0.40),  # 4 and 4: 4
            "near, certain": (0.1, 0.01),  # 5 and 0: 5
        }
    )
    assert list(plan.stages.values()) == [
        ("far, certain", "middle, certain"),
        ("middle, middle", "near, middle"),
        ("far, doubtful", "near, certain"),
    ]
    assert plan.dropped == ()


def test_of_equal_worse_ranks_the_better_one_counts_and_then_the_id() -> None:
    # Ranks: b (1, 0), c (0, 2), d (2, 1), a (2, 3).
    pairs = {"b": (0.8, 0.1), "c": (0.9, 0.3), "d": (0.5, 0.2), "a": (0.5, 0.9)}
    plan = _plan(pairs, names=["w", "x", "y", "z"])
    assert list(plan.stages.values()) == [("b",), ("c",), ("d",), ("a",)]
    tied = _plan({"z": (0.5, 0.5), "a": (0.5, 0.5)}, names=["x", "y"])
    assert list(tied.stages.values()) == [("a",), ("z",)]


def test_a_pair_whose_chosen_response_has_no_u_is_dropped_with_the_reason() -> None:
    pairs = {"a": (0.5, 0.1), "unknown": (0.9, NAN), "random": (NAN, NAN), "zero": (0.0, 0.1)}
    plan = _plan(pairs, ungapped="spread")
    assert [sorted(ids) for ids in plan.stages.values()] == [["a", "random"], [], []]
    assert plan.dropped == (
        ("zero", "gap not positive"),
        ("unknown", "the chosen response has no U"),
    )
    assert ("random", "no gap: the pair was not made by U") in _plan(pairs).dropped
