from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plugins.groups import ALIKE, RESOURCES, group, response, scores
from udasa_core import Abstain, Group, Pairing, Score
from udasa_plugin_pairing.runner_up import RunnerUp


def _pair(one: Group, *us: Score, **options: object) -> Pairing:
    runner_up = RunnerUp(RunnerUp.Options.model_validate(options), "runner-up", RESOURCES)
    return runner_up.udasa_pair([one], [scores(*us)], seed=0)


FOUR = group(response("a"), response("b"), response("c"), response("d"))


def test_the_best_over_the_next() -> None:
    pairing = _pair(FOUR, 0.4, 0.1, 0.9, 0.5)
    (pair,) = pairing.pairs
    assert (pair.chosen.text, pair.rejected.text) == ("b", "a")
    assert (pair.gap, pair.chosen_U, pair.rejected_U) == (0.4 - 0.1, 0.1, 0.4)
    assert (pair.origin, pairing.unpaired) == ("runner-up", ())


def test_ties_with_the_chosen_one_are_no_runner_up() -> None:
    (pair,) = _pair(FOUR, 0.5, 0.1, 0.5, 0.1).pairs
    assert (pair.chosen.text, pair.rejected.text) == ("b", "a")


def test_repeats_of_the_chosen_one_are_passed_over() -> None:
    one = group(response("a"), response("a", [-3.0]), response("b"), response("c"))
    (pair,) = _pair(one, 0.1, 0.2, 0.3, 0.4).pairs
    assert (pair.rejected.text, pair.rejected_U) == ("b", 0.3)


@pytest.mark.parametrize(
    ("one", "us", "options", "reason"),
    [
        (FOUR, (0.3, 0.3, 0.3, 0.3), {}, "equal U"),
        (FOUR, (0.3, 0.3, 0.3, 0.3), {"min_gap": 0.1}, "equal U"),
        (ALIKE, (0.3, 0.3, 0.3), {}, "identical responses"),
        (FOUR, (0.3, 0.35, 0.9, 0.9), {"min_gap": 0.1}, "gap below min_gap"),
        (FOUR, (0.3, Abstain("lost"), Abstain("lost"), Abstain("lost")), {}, "too few scored responses"),
        (group(response("a"), response("a", [-2.0])), (0.3, 0.4), {}, "identical responses"),
        (group(response("a"), response("b", cut=True)), (0.1, 0.9), {"truncated": "same"}, "truncated"),
        (group(response("a"), response("b", cut=True)), (0.1, 0.9), {"truncated": "exclude"}, "truncated"),
        (
            group(response("a", length=50), response("b"), response("c", length=50)),
            (0.1, 0.2, 0.9),
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


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.sampled_from("abc")), min_size=1, max_size=8))
def test_no_differing_response_lies_between(rows: list[tuple[float, str]]) -> None:
    one = group(*(response(text) for _, text in rows))
    pairing = _pair(one, *(u for u, _ in rows))
    assert len(pairing.pairs) + len(pairing.unpaired) == 1
    for pair in pairing.pairs:
        assert pair.gap is not None
        assert pair.gap > 0.0
        assert pair.chosen_U == min(u for u, _ in rows)
        assert pair.rejected_U == min(u for u, text in rows if u > pair.chosen_U and text != pair.chosen.text)
