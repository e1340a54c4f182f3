from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plugins.groups import RESOURCES
from udasa_core import Abstain, Score
from udasa_plugin_aggregation.mean import WeightedMean

MEAN = WeightedMean(WeightedMean.Options(), "mean", RESOURCES)
NONE = Abstain("no words")


def test_weighted_mean_by_hand_with_weights_renormalised() -> None:
    columns: dict[str, list[Score]] = {"a": [0.2, 0.2, NONE], "b": [0.6, NONE, 1.0], "c": [1.0, 0.5, 0.5]}
    assert MEAN.udasa_aggregate(columns, {"a": 1.0, "b": 3.0, "c": 0.0}) == pytest.approx([0.5, 0.2, 1.0])


def test_all_that_count_abstained() -> None:
    columns: dict[str, list[Score]] = {"a": [NONE], "b": [Abstain("one response")], "free": [0.4]}
    (u,) = MEAN.udasa_aggregate(columns, {"a": 1.0, "b": 1.0, "free": 0.0})
    assert u == Abstain("a: no words; b: one response")


scored = st.one_of(st.floats(0.0, 1.0), st.just(NONE))


@given(st.lists(st.tuples(st.floats(1e-3, 1e3), scored), min_size=1, max_size=6))
def test_between_the_lowest_and_the_highest_in_any_order(rows: list[tuple[float, Score]]) -> None:
    columns = {str(index): [score] for index, (_, score) in enumerate(rows)}
    weights = {str(index): weight for index, (weight, _) in enumerate(rows)}
    (u,) = MEAN.udasa_aggregate(columns, weights)
    given_scores = [score for _, score in rows if not isinstance(score, Abstain)]
    if not given_scores:
        assert isinstance(u, Abstain)
        return
    assert not isinstance(u, Abstain)
    assert min(given_scores) <= u <= max(given_scores)
    backwards = dict(reversed(columns.items()))
    assert MEAN.udasa_aggregate(backwards, weights) == [u]
