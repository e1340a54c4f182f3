"""Pairing `votes`, by hand: who has the most votes, who the fewest, and what the margin weighs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.plugins.groups import RESOURCES, group, scores
from udasa_core import Abstain, Group, Pairing, Response, Score
from udasa_core.testing.planted import sample_response
from udasa_plugin_pairing.votes import Votes

QUESTION = "What is the capital of Italy?"


def asked(*texts: str, doubts: tuple[float, ...] = ()) -> Group:
    """doubts: the nats by which each is unlikely, a token of it."""
    told = zip(texts, doubts or (0.5,) * len(texts), strict=True)
    return group(*(sample_response(text, doubt=doubt) for text, doubt in told), question=QUESTION)


def paired(one: Group, us: tuple[Score, ...] = (), **options: Any) -> Pairing:
    strategy = Votes(Votes.Options.model_validate(options), "votes", RESOURCES)
    return strategy.udasa_pair([one], [scores(*(us or (0.5,) * len(one.responses)))], seed=0)


FIVE = asked("It is Rome.", "It is Milan.", "Rome.", "It is Turin.", "The capital of Italy is Rome.")


def test_most_votes_over_fewest_by_hand() -> None:
    # Rome 3 of 5, Milan and Turin 1 each: the first of equals on both sides.
    (pair,) = paired(FIVE, us=(0.9, 0.1, 0.5, 0.5, 0.5)).pairs
    assert (pair.chosen.text, pair.rejected.text) == ("It is Rome.", "It is Milan.")
    assert pair.vote_margin == pair.weight == pytest.approx((3 - 1) / 5)
    assert (pair.gap, pair.chosen_U, pair.rejected_U, pair.origin) == (None, 0.9, 0.1, "votes")
    assert paired(FIVE, weighted=False).pairs[0].weight == 1.0
    assert paired(FIVE, weighted=False).pairs[0].vote_margin == pytest.approx(0.4)


def test_of_equals_the_likeliest() -> None:
    texts = [one.text for one in FIVE.responses]
    likely = asked(*texts, doubts=(3.0, 2.0, 1.0, 1.0, 2.0))
    (pair,) = paired(likely, of_equals="likeliest").pairs
    assert (pair.chosen.text, pair.rejected.text) == ("Rome.", "It is Turin.")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"min_share": 0.61}, "share of votes below min_share"),
        ({"min_margin": 0.41}, "vote margin below min_margin"),
    ],
)
def test_a_vote_that_is_not_clear_enough_gives_none(options: dict[str, float], reason: str) -> None:
    assert paired(FIVE, min_share=0.6, min_margin=0.4).pairs
    assert [one.reason for one in paired(FIVE, **options).unpaired] == [reason]


@pytest.mark.parametrize("texts", [("It is Rome.", "It is Milan."), ("Rome.", "It is Rome.")])
def test_a_margin_of_0_gives_none(texts: tuple[str, ...]) -> None:
    assert paired(asked(*texts)).unpaired[0].reason == "equal votes"


def test_one_text_over_again_is_told_as_that() -> None:
    assert paired(asked("Rome.", "Rome.")).unpaired[0].reason == "identical responses"


def test_voters_vote_and_are_not_paired() -> None:
    voting = replace(
        FIVE, voters=(sample_response("Turin."), sample_response("Turin"), sample_response("It is Turin!"))
    )
    # Turin 4 of 8, Rome 3, Milan 1.
    (pair,) = paired(voting).pairs
    assert (pair.chosen.text, pair.rejected.text) == ("It is Turin.", "It is Milan.")
    assert pair.vote_margin == pytest.approx(3 / 8)


def test_a_response_without_a_score_votes_and_is_not_paired() -> None:
    (pair,) = paired(FIVE, us=(Abstain("x"), Abstain("x"), 0.5, 0.5, 0.5)).pairs
    assert (pair.chosen.text, pair.rejected.text) == ("Rome.", "It is Turin.")
    assert pair.vote_margin == pytest.approx(2 / 5)
    alone = paired(FIVE, us=(Abstain("x"),) * 4 + (0.5,))
    assert alone.unpaired[0].reason == "too few scored responses"


def test_thoughts_that_were_cut_off_have_no_vote() -> None:
    cut = Response("", (1, 2), (-1.0,) * 2, (-1.0,) * 2, (1.0,) * 2, "length", "so", 2)
    unanswered = replace(FIVE, responses=(*FIVE.responses, cut, replace(cut, token_ids=(3, 4))))
    (pair,) = paired(unanswered, us=(0.5,) * 5 + (Abstain("cut"),) * 2).pairs
    assert pair.vote_margin == pytest.approx(2 / 5)


def test_guards_refuse_here_too() -> None:
    longer = asked("It is, as everybody there knows, Rome.", "It is Bari.", "It is Rome.")
    assert paired(longer, max_length_ratio=4.0).pairs
    assert paired(longer, max_length_ratio=2.0).unpaired[0].reason == "length ratio above max_length_ratio"
