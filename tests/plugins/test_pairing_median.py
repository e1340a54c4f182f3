from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plugins.groups import ALIKE, RESOURCES, group, response, scores
from udasa_core import Abstain, Group, Pairing, Score
from udasa_plugin_pairing.median import Median


def _pair(one: Group, *us: Score, **options: object) -> Pairing:
    median = Median(Median.Options.model_validate(options), "median", RESOURCES)
    return median.udasa_pair([one], [scores(*us)], seed=0)


FOUR = group(response("a"), response("b"), response("c"), response("d"))


def test_the_best_over_the_middle_one_of_the_others() -> None:
    (pair,) = _pair(FOUR, 0.4, 0.1, 0.9, 0.5).pairs
    assert (pair.chosen.text, pair.rejected.text) == ("b", "d")
    assert (pair.gap, pair.chosen_U, pair.rejected_U, pair.origin) == (0.5 - 0.1, 0.1, 0.5, "median")


def test_of_two_middle_ones_the_more_uncertain_and_of_two_responses_the_other() -> None:
    five = group(*(response(letter) for letter in "abcde"))
    (pair,) = _pair(five, 0.0, 0.2, 0.4, 0.6, 0.8).pairs
    assert pair.rejected.text == "d"
    (pair,) = _pair(FOUR, Abstain("lost"), 0.3, 0.2, Abstain("lost")).pairs
    assert (pair.chosen.text, pair.rejected.text) == ("c", "b")


@pytest.mark.parametrize(
    ("one", "us", "options", "reason"),
    [
        (FOUR, (0.3, 0.3, 0.3, 0.9), {}, "equal U"),
        (ALIKE, (0.3, 0.3, 0.3), {}, "identical responses"),
        (FOUR, (0.3, 0.31, 0.39, 0.9), {"min_gap": 0.1}, "gap below min_gap"),
        (FOUR, (0.3, Abstain("lost"), Abstain("lost"), Abstain("lost")), {}, "too few scored responses"),
        # Where the typical response is the chosen one over again, there is nothing to prefer.
        (
            group(response("a"), response("a"), response("a", [-2.0]), response("b")),
            (0.1, 0.2, 0.3, 0.9),
            {},
            "identical responses",
        ),
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


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=9))
def test_as_many_others_are_below_as_above(us: list[float]) -> None:
    one = group(*(response(str(index)) for index in range(len(us))))
    pairing = _pair(one, *us)
    assert len(pairing.pairs) + len(pairing.unpaired) == 1
    for pair in pairing.pairs:
        assert pair.gap is not None
        assert pair.gap > 0.0
        others = sorted(us)[1:]
        assert pair.rejected_U == others[len(others) // 2]
        assert pair.chosen_U == min(us)
