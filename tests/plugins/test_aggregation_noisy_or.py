from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plugins.groups import RESOURCES
from udasa_core import Abstain, Score, testing
from udasa_plugin_aggregation.noisy_or import NoisyOr

OR = NoisyOr(NoisyOr.Options(), "noisy-or", RESOURCES)
NONE = Abstain("no words")


def test_equal_weights_are_the_noisy_or_of_independent_causes() -> None:
    columns: dict[str, list[Score]] = {"a": [0.5, 0.0, 0.0], "b": [0.2, 0.3, 0.0], "c": [0.5, 0.0, 0.0]}
    even = OR.udasa_aggregate(columns, {"a": 2.0, "b": 2.0, "c": 2.0})
    assert even == pytest.approx([1 - 0.5 * 0.8 * 0.5, 0.3, 0.0])


def test_a_lighter_dimension_is_a_fraction_of_a_cause() -> None:
    columns: dict[str, list[Score]] = {"a": [0.5], "b": [0.36], "free": [1.0]}
    assert OR.udasa_aggregate(columns, {"a": 4.0, "b": 2.0, "free": 0.0}) == pytest.approx([1 - 0.5 * 0.8])


def test_others_stand_in_for_one_that_abstained() -> None:
    columns: dict[str, list[Score]] = {"a": [0.5, NONE, NONE], "b": [NONE, 0.5, NONE]}
    even = OR.udasa_aggregate(columns, {"a": 1.0, "b": 1.0})
    assert even[:2] == pytest.approx([0.75, 0.75])
    assert even[2] == Abstain("a, b: no words")
    # a's weight is 3 of 4, so alone it speaks with 4/3 of its own exponent; b with 1/3 · 4.
    uneven = OR.udasa_aggregate(columns, {"a": 3.0, "b": 1.0})
    assert uneven[:2] == pytest.approx([1 - 0.5 ** (4 / 3), 1 - 0.5 ** (4 / 3)])


def test_one_certain_alarm_is_certain() -> None:
    columns: dict[str, list[Score]] = {"a": [1.0], "b": [0.0]}
    assert OR.udasa_aggregate(columns, {"a": 1e-6, "b": 1e6}) == [1.0]


scored = st.one_of(st.floats(0.0, 1.0), st.just(NONE))


@given(st.lists(st.tuples(st.floats(1e-3, 1e3), scored), min_size=1, max_size=6))
def test_bounded_in_any_order_and_at_any_scale_of_weights(rows: list[tuple[float, Score]]) -> None:
    columns = {str(index): [score] for index, (_, score) in enumerate(rows)}
    weights = {str(index): weight for index, (weight, _) in enumerate(rows)}
    (u,) = OR.udasa_aggregate(columns, weights)
    if all(isinstance(score, Abstain) for _, score in rows):
        assert isinstance(u, Abstain)
        return
    assert not isinstance(u, Abstain)
    assert 0.0 <= u <= 1.0
    (turned,) = OR.udasa_aggregate(dict(reversed(columns.items())), weights)
    (scaled,) = OR.udasa_aggregate(columns, {name: 4.0 * weight for name, weight in weights.items()})
    assert (turned, scaled) == (u, u)


@given(
    st.lists(st.tuples(st.floats(0.0, 0.99), st.floats(0.0, 0.99)), min_size=1, max_size=4),
    st.lists(st.floats(0.1, 10.0), min_size=4, max_size=4),
)
def test_more_doubt_in_any_dimension_is_never_less(rows: list[tuple[float, float]], ws: list[float]) -> None:
    weights = {str(index): ws[index] for index in range(len(rows))}
    low, high = OR.udasa_aggregate({str(i): sorted(row) for i, row in enumerate(rows)}, weights)
    assert not isinstance(low, Abstain)
    assert not isinstance(high, Abstain)
    assert low <= high
    # The order of the weighted geometric mean of 1 − u, as the documentation says.
    total = math.fsum(weights.values())
    mean = math.fsum(weights[str(i)] * math.log1p(-max(row)) for i, row in enumerate(rows)) / total
    assert high == pytest.approx(1 - math.exp(mean) ** (total / max(weights.values())))


def test_it_passes_the_conformance_kit() -> None:
    testing.check_aggregation(NoisyOr)
