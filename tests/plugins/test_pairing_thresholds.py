from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.plugins.groups import ALIKE, RESOURCES, group, response, scores
from udasa_core import Abstain, Group, Pairing, Score, testing
from udasa_plugin_pairing.median import Median
from udasa_plugin_pairing.runner_up import RunnerUp
from udasa_plugin_pairing.thresholds import Thresholds

BOUNDS = {"chosen_below": 0.3, "rejected_above": 0.7}


def _pair(one: Group, *us: Score, **options: object) -> Pairing:
    thresholds = Thresholds(Thresholds.Options.model_validate({**BOUNDS, **options}), "thresholds", RESOURCES)
    return thresholds.udasa_pair([one], [scores(*us)], seed=0)


THREE = group(response("a"), response("b"), response("c"))


@pytest.mark.parametrize("us", [(0.3, 0.5, 0.7), (0.0, 0.1, 1.0)])
def test_both_sides_stand_out_and_bounds_may_be_reached(us: tuple[float, ...]) -> None:
    (pair,) = _pair(THREE, *us).pairs
    assert (pair.chosen.text, pair.rejected.text, pair.gap) == ("a", "c", us[2] - us[0])


@pytest.mark.parametrize(
    ("one", "us", "options", "reason"),
    [
        (THREE, (0.31, 0.5, 0.9), {}, "no response at or below chosen_below"),
        (THREE, (0.1, 0.5, 0.69), {}, "no response at or above rejected_above"),
        (THREE, (0.4, 0.5, 0.6), {}, "no response at or below chosen_below"),
        (THREE, (0.3, Abstain("lost"), Abstain("lost")), {}, "too few scored responses"),
        (THREE, (0.5, 0.5, 0.5), {"chosen_below": 0.5, "rejected_above": 0.5}, "equal U"),
        (ALIKE, (0.9, 0.9, 0.9), {}, "identical responses"),
        (THREE, (0.1, 0.5, 0.8), {"min_gap": 0.75}, "gap below min_gap"),
        (group(response("a"), response("a", [-2.0])), (0.1, 0.9), {}, "identical responses"),
        (group(response("a"), response("b", cut=True)), (0.1, 0.9), {"truncated": "same"}, "truncated"),
        (
            group(response("a", length=9), response("b")),
            (0.1, 0.9),
            {"max_length_ratio": 4.0},
            "length ratio above max_length_ratio",
        ),
    ],
)
def test_each_refusal_has_its_reason(
    one: Group, us: tuple[Score, ...], options: dict[str, object], reason: str
) -> None:
    pairing = _pair(one, *us, **options)
    assert pairing.pairs == ()
    assert [refusal.reason for refusal in pairing.unpaired] == [reason]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"chosen_below": 0.8}, r"chosen_below \(0\.8\) must not be above rejected_above \(0\.7\)"),
        ({"rejected_above": 1.2}, "less than or equal to 1"),
        ({"min_gap": -0.1}, "greater than or equal to 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Thresholds.Options.model_validate({**BOUNDS, **options})


unit = st.floats(0.0, 1.0)


@given(st.lists(unit, min_size=1, max_size=8), st.tuples(unit, unit).map(sorted))
def test_pairs_keep_to_the_bounds(us: list[float], bounds: list[float]) -> None:
    one = group(*(response(str(index)) for index in range(len(us))))
    pairing = _pair(one, *us, chosen_below=bounds[0], rejected_above=bounds[1])
    assert len(pairing.pairs) + len(pairing.unpaired) == 1
    for pair in pairing.pairs:
        assert pair.chosen_U is not None
        assert pair.rejected_U is not None
        assert pair.chosen_U <= bounds[0] <= bounds[1] <= pair.rejected_U
        assert pair.chosen_U < pair.rejected_U


@pytest.mark.parametrize(
    ("factory", "options"),
    [(Thresholds, {"chosen_below": 0.4, "rejected_above": 0.6}), (Median, {}), (RunnerUp, {})],
)
def test_every_strategy_by_gap_passes_the_conformance_kit(
    factory: object, options: dict[str, object]
) -> None:
    assert testing.check_pairing(factory, options).pairs
    testing.check_factory("pairing", factory, options)
