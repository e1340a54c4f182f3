from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plugins.groups import ALIKE, RESOURCES, group, response, scores
from udasa_core import Abstain, Group, Pairing, Score
from udasa_plugin_pairing.extremes import Extremes


def _pair(one: Group, *us: Score, **options: object) -> Pairing:
    extremes = Extremes(Extremes.Options.model_validate(options), "extremes", RESOURCES)
    return extremes.udasa_pair([one], [scores(*us)], seed=0)


FOUR = group(response("a"), response("b"), response("c"), response("d"))


def test_most_over_least_reliable() -> None:
    pairing = _pair(FOUR, 0.4, 0.1, 0.9, 0.5)
    (pair,) = pairing.pairs
    assert (pair.chosen.text, pair.rejected.text) == ("b", "c")
    assert (pair.gap, pair.chosen_U, pair.rejected_U) == (0.9 - 0.1, 0.1, 0.9)
    assert (pair.origin, pair.prompt, pair.prompt_token_ids) == ("extremes", FOUR.prompt, (1, 2))
    assert pairing.unpaired == ()


def test_ties_go_to_the_earlier_response() -> None:
    (pair,) = _pair(FOUR, 0.5, 0.1, 0.5, 0.1).pairs
    assert (pair.chosen.text, pair.rejected.text) == ("b", "a")


def test_abstained_responses_are_never_paired() -> None:
    gone = Abstain("lost")
    (pair,) = _pair(FOUR, gone, 0.3, 0.2, gone).pairs
    assert (pair.chosen.text, pair.rejected.text) == ("c", "b")


def test_excluded_truncations_give_way_to_the_next_best() -> None:
    one = group(response("a", cut=True), response("b"), response("c"))
    (pair,) = _pair(one, 0.0, 0.2, 0.7, truncated="exclude").pairs
    assert pair.chosen.text == "b"


@pytest.mark.parametrize(
    ("one", "us", "options", "reason"),
    [
        (FOUR, (0.3, 0.3, 0.3, 0.3), {}, "equal U"),
        (FOUR, (0.3, 0.3, 0.3, 0.3), {"min_gap": 0.1}, "equal U"),
        (ALIKE, (0.3, 0.3, 0.3), {}, "identical responses"),
        (FOUR, (0.3, 0.39, 0.3, 0.3), {"min_gap": 0.1}, "gap below min_gap"),
        (FOUR, (0.3, Abstain("lost"), Abstain("lost"), Abstain("lost")), {}, "too few scored responses"),
        (group(response("a")), (0.3,), {}, "too few scored responses"),
        (group(response("a"), response("a", [-2.0])), (0.3, 0.4), {}, "identical responses"),
        # The next best pair (b over c) would pass, and is not tried.
        (
            group(response("a", length=50), response("b"), response("c")),
            (0.1, 0.2, 0.9),
            {"max_length_ratio": 4.0},
            "length ratio above max_length_ratio",
        ),
        (group(response("a"), response("b", cut=True)), (0.1, 0.9), {"truncated": "same"}, "truncated"),
        (group(response("a"), response("b", cut=True)), (0.1, 0.9), {"truncated": "exclude"}, "truncated"),
    ],
)
def test_each_refusal_has_its_reason(
    one: Group, us: tuple[Score, ...], options: dict[str, object], reason: str
) -> None:
    pairing = _pair(one, *us, **options)
    assert pairing.pairs == ()
    assert [(refusal.prompt_id, refusal.reason) for refusal in pairing.unpaired] == [("p0", reason)]


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8), st.floats(0.0, 1.0))
def test_gaps_are_positive_and_large_enough_and_every_prompt_is_told(us: list[float], least: float) -> None:
    one = group(*(response(str(index)) for index in range(len(us))))
    pairing = _pair(one, *us, min_gap=least)
    assert len(pairing.pairs) + len(pairing.unpaired) == 1
    for pair in pairing.pairs:
        assert pair.gap is not None
        assert pair.gap > 0.0
        assert pair.gap >= least
        assert pair.gap == max(us) - min(us)
