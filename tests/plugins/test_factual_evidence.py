from __future__ import annotations

from dataclasses import replace

import pytest

from tests.plugins.groups import RESOURCES, group, response
from tests.plugins.test_factual_selfcheck import _ByHand
from udasa_core import Abstain, Group
from udasa_plugin_factual.evidence import Evidence

ONE, TWO = "The tower is in Paris.", "The tower was built in 1889."
PLANNED = {
    (ONE, "It is in Paris."): (0.0, 0.1, 0.9),
    (TWO, "It is in Paris."): (0.1, 0.6, 0.3),
    (ONE, "It is old."): (0.1, 0.9, 0.0),
    (TWO, "It is old."): (0.0, 0.4, 0.6),
    (ONE, "It is in Rome."): (0.9, 0.1, 0.0),
    (TWO, "It is in Rome."): (0.2, 0.6, 0.2),
}


def _with(passages: tuple[str, ...], *texts: str) -> Group:
    one = group(*map(response, texts))
    return replace(one, prompt=replace(one.prompt, passages=passages))


def test_formula_by_hand_in_one_call() -> None:
    resources = _ByHand(PLANNED)
    one = _with((ONE, TWO), "It is in Paris. It is old.", "It is in Rome.", "It is in Paris.")
    assert (
        Evidence(Evidence.Options(), "evidence", resources).udasa_score([one, one], 0).scores
        == (pytest.approx(((0.1 + 0.4) / 2, 0.8, 0.1)),) * 2
    )
    (call,) = resources.calls
    assert sorted(call) == sorted(PLANNED)
    worst = Evidence(Evidence.Options(over="max"), "evidence", resources)
    assert worst.udasa_score([one], 0).scores[0] == pytest.approx((0.4, 0.8, 0.1))


def test_prompts_have_passages_of_their_own() -> None:
    resources = _ByHand(PLANNED)
    groups = [_with((passage,), "It is in Paris.") for passage in (ONE, TWO)]
    # A single response is no reason to abstain: the others play no part.
    assert Evidence(Evidence.Options(), "evidence", resources).udasa_score(groups, 0).scores == (
        pytest.approx((0.1,)),
        pytest.approx((0.7,)),
    )


def test_without_passage_or_sentence_it_abstains() -> None:
    groups = [group(response("a"), response("b")), _with(("a b",), "", "🙂", "a")]
    none, some = Evidence(Evidence.Options(), "evidence", RESOURCES).udasa_score(groups, 0).scores
    assert all(isinstance(score, Abstain) and "no passage" in score.reason for score in none)
    assert all(isinstance(score, Abstain) and "no sentence" in score.reason for score in some[:2])
    assert some[2] == pytest.approx(0.2)
