from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

import udasa_plugin_pairing
from tests.plugins.groups import group, response, scores
from udasa_core import Abstain, Response
from udasa_plugin_pairing.guards import IDENTICAL, LENGTH_RATIO, THINKING, TOO_FEW, TRUNCATED, Guards


def test_identical_by_text_or_by_tokens() -> None:
    guards = Guards()
    assert guards.refuse(response("same", [-1.0]), response("same", [-1.0, -1.0])) == IDENTICAL
    assert guards.refuse(response("one"), response("two")) is None


@pytest.mark.parametrize(("longer", "reason"), [(20, None), (21, LENGTH_RATIO)])
def test_length_ratio_is_of_token_counts_and_may_be_reached(longer: int, reason: str | None) -> None:
    guards = Guards(max_length_ratio=2.0)
    short, long = response("a", length=10), response("b", length=longer)
    assert guards.refuse(short, long) == reason
    assert guards.refuse(long, short) == reason


def test_truncated_same_asks_for_both_or_neither() -> None:
    guards = Guards(truncated="same")
    whole, cut, other = response("a"), response("b", cut=True), response("c", cut=True)
    assert guards.refuse(whole, cut) == TRUNCATED
    assert guards.refuse(cut, other) is None
    assert Guards(truncated="allow").refuse(whole, cut) is None


def test_candidates_are_scored_and_under_exclude_whole() -> None:
    one = group(response("a"), response("b", cut=True), response("c"))
    us = scores(0.1, 0.2, Abstain("lost"))
    assert Guards(truncated="allow").candidates(one, us) == (0, 1)
    assert Guards(truncated="exclude").candidates(one, us) == (0,)
    assert Guards(truncated="exclude").too_few(one, us) == TRUNCATED
    assert Guards().too_few(one, scores(0.1, Abstain("lost"), Abstain("lost"))) == TOO_FEW


def test_what_was_cut_off_while_it_thought_is_no_candidate_and_counted_by_its_own_reason() -> None:
    def thought(text: str) -> Response:
        return replace(response(text), text="", thought=text, thought_tokens=1)

    one = group(response("a"), thought("b"), response("c"))
    # Also where somebody scored it.
    assert Guards().candidates(one, scores(0.1, 0.2, 0.3)) == (0, 2)
    cut = Abstain("cut off")
    assert Guards().too_few(one, scores(0.1, cut, Abstain("lost"))) == TOO_FEW
    for some in (group(response("a"), thought("b")), group(thought("a"), thought("b"))):
        assert Guards().too_few(some, scores(cut, cut)) == THINKING
    alone = group(response("a"))
    assert Guards().too_few(alone, scores(0.1)) == TOO_FEW


def test_by_default_candidates_are_whole_where_two_are() -> None:
    guards = Guards()
    assert guards.truncated == "avoid"
    one = group(response("a"), response("b", cut=True), response("c"), response("d", cut=True))
    assert guards.candidates(one, scores(0.1, 0.2, 0.3, 0.4)) == (0, 2)
    # One finished response that is scored is too few: all are taken, as under "allow".
    lost = scores(0.1, 0.2, Abstain("lost"), 0.4)
    assert guards.candidates(one, lost) == Guards(truncated="allow").candidates(one, lost) == (0, 1, 3)
    assert guards.refuse(one.responses[0], one.responses[1]) is None


@pytest.mark.parametrize("options", [{"max_length_ratio": 0.5}, {"truncated": "never"}, {"min_gapp": 0.1}])
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Guards.model_validate(options)


def test_pairs_are_made_in_one_place() -> None:
    """So that a guard, or a field of pairs, is added once for all strategies."""
    folder = Path(udasa_plugin_pairing.__file__).parent
    makes = re.compile(r"(?<!\w)Pair\(")
    assert [file.name for file in sorted(folder.glob("*.py")) if makes.search(file.read_text())] == [
        "guards.py"
    ]
