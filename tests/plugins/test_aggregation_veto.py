from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.plugins.groups import RESOURCES, group, response, scores
from udasa_core import Abstain, Score, UdasaError, testing
from udasa_plugin_aggregation.mean import WeightedMean
from udasa_plugin_aggregation.veto import Veto
from udasa_plugin_pairing.extremes import Extremes

NONE = Abstain("no words")


def _veto(*dimensions: str, bound: float = 0.8) -> Veto:
    return Veto(Veto.Options(dimensions=dimensions, bound=bound), "veto", RESOURCES)


def test_a_veto_makes_u_one_whatever_the_others_say() -> None:
    columns: dict[str, list[Score]] = {"fact": [0.0, 0.0, 0.2], "safety": [0.81, 0.8, 0.4]}
    assert _veto("safety").udasa_aggregate(columns, {"fact": 3.0, "safety": 1.0}) == pytest.approx(
        [1.0, 0.2, 0.25]
    )


def test_a_dimension_may_veto_without_voting() -> None:
    columns: dict[str, list[Score]] = {"fact": [0.1, 0.3], "safety": [0.9, 0.7]}
    assert _veto("safety").udasa_aggregate(columns, {"fact": 1.0, "safety": 0.0}) == [1.0, 0.3]


def test_any_of_several_may_veto_and_an_abstention_does_not() -> None:
    columns: dict[str, list[Score]] = {"fact": [0.1, 0.3, NONE], "a": [NONE, 0.9, 0.9], "b": [0.1, 0.1, NONE]}
    U = _veto("a", "b").udasa_aggregate(columns, {"fact": 1.0, "a": 0.0, "b": 0.0})
    assert U == [0.1, 1.0, 1.0]
    (silent,) = _veto("a").udasa_aggregate({"fact": [NONE], "a": [0.1]}, {"fact": 1.0, "a": 0.0})
    assert silent == Abstain("fact: no words")


def test_names_that_are_no_dimension_are_told_with_those_there_are() -> None:
    with pytest.raises(
        UdasaError, match=r"'veto': dimensions names 'safty'; those of the run are fact, safety"
    ):
        _veto("safety", "safty").udasa_aggregate({"fact": [], "safety": []}, {"fact": 1.0, "safety": 1.0})


@pytest.mark.parametrize(
    "options", [{}, {"dimensions": []}, {"dimensions": [""]}, {"dimensions": ["a"], "bound": 1.0}]
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Veto.Options.model_validate(options)


unit = st.floats(0.0, 1.0)


@given(st.lists(st.tuples(unit, unit), min_size=2, max_size=6), st.floats(0.0, 0.99))
def test_a_vetoed_response_is_never_chosen(rows: list[tuple[float, float]], bound: float) -> None:
    columns: dict[str, list[Score]] = {"fact": [a for a, _ in rows], "safety": [b for _, b in rows]}
    weights = {"fact": 5.0, "safety": 1.0}
    U = _veto("safety", bound=bound).udasa_aggregate(columns, weights)
    mean = WeightedMean(WeightedMean.Options(), "mean", RESOURCES).udasa_aggregate(columns, weights)
    assert [u for u, (_, b) in zip(U, rows, strict=True) if b > bound] == [1.0 for _, b in rows if b > bound]
    assert [u for u, (_, b) in zip(U, rows, strict=True) if b <= bound] == [
        u for u, (_, b) in zip(mean, rows, strict=True) if b <= bound
    ]
    one = group(*(response(str(index)) for index in range(len(rows))))
    extremes = Extremes(Extremes.Options(), "extremes", RESOURCES)
    for pair in extremes.udasa_pair([one], [scores(*U)], seed=0).pairs:
        assert rows[int(pair.chosen.text)][1] <= bound


def test_it_passes_the_conformance_kit() -> None:
    testing.check_aggregation(Veto, {"dimensions": ["one"]})
    testing.check_factory("aggregation", Veto, {"dimensions": ["one"]})
