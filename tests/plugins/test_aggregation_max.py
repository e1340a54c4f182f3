from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plugins.groups import RESOURCES
from udasa_core import Abstain, Score, testing
from udasa_plugin_aggregation.max import Maximum

MAX = Maximum(Maximum.Options(), "max", RESOURCES)
NONE = Abstain("no words")


def test_the_highest_that_counts_and_speaks() -> None:
    columns: dict[str, list[Score]] = {"a": [0.2, 0.2, NONE], "b": [0.6, NONE, 0.1], "c": [1.0, 0.5, 0.5]}
    assert MAX.udasa_aggregate(columns, {"a": 0.1, "b": 3.0, "c": 0.0}) == [0.6, 0.2, 0.1]


def test_all_that_count_abstained() -> None:
    columns: dict[str, list[Score]] = {"a": [NONE], "b": [Abstain("one response")], "free": [0.4]}
    (u,) = MAX.udasa_aggregate(columns, {"a": 1.0, "b": 1.0, "free": 0.0})
    assert u == Abstain("a: no words; b: one response")


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6), st.floats(0.1, 10.0))
def test_weights_do_not_scale(us: list[float], weight: float) -> None:
    columns = {str(index): [u] for index, u in enumerate(us)}
    weights = {name: weight + int(name) for name in columns}
    assert MAX.udasa_aggregate(columns, weights) == [max(us)]


def test_it_passes_the_conformance_kit() -> None:
    testing.check_aggregation(Maximum)
    with pytest.raises(ValueError, match="Extra inputs"):
        Maximum.Options.model_validate({"power": 2})
