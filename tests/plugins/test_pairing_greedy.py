"""Pairing `greedy`: what is asked for is the greedy answer, and nothing else passes for it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from tests.plugins.asking import PlannedResources
from tests.plugins.groups import group, response, scores
from udasa_core import Abstain, Group, Pairing, SamplingOptions, Score, UdasaError
from udasa_core.testing.planted import sample_response
from udasa_plugin_pairing.greedy import Greedy


def paired(
    resources: PlannedResources, *groups: Group, us: tuple[Score, ...] = (), **options: Any
) -> Pairing:
    strategy = Greedy(Greedy.Options.model_validate(options), "greedy", resources)
    given = [scores(*(us or (0.5,) * len(one.responses)), prompt_id=one.prompt.id) for one in groups]
    return strategy.udasa_pair(groups, given, seed=3)


def test_the_greedy_answer_over_another_response() -> None:
    resources = PlannedResources(lambda messages: f"greedy to {messages[-1].content}")
    prompts = [group(response("a"), response("b"), prompt_id=f"p{n}", question=f"q{n}") for n in range(20)]
    pairs = paired(resources, *prompts, max_new_tokens=9).pairs
    assert [pair.chosen.text for pair in pairs] == [f"greedy to q{n}" for n in range(20)]
    # Which response is rejected is drawn.
    assert {pair.rejected.text for pair in pairs} == {"a", "b"}
    (one,) = {(pair.gap, pair.chosen_U, pair.rejected_U, pair.origin, pair.weight) for pair in pairs}
    assert one == (None, None, 0.5, "greedy", 1.0)
    # One call for the shard, of the prompts as they are, by the base, with one token to draw from.
    prompt, sampling, policy, seed = resources.asked[7]
    assert (prompt, policy, seed) == (prompts[7].prompt, resources.base, 3)
    assert sampling == SamplingOptions(1, 1.0, 9, top_k=1)
    assert len(resources.asked) == 20


def test_a_greedy_answer_among_the_responses_has_their_u() -> None:
    same = sample_response("said")
    resources = PlannedResources(lambda messages: "said")
    (pair,) = paired(resources, group(same, response("b")), us=(0.2, 0.9)).pairs
    assert (pair.chosen_U, pair.rejected_U, pair.gap) == (0.2, 0.9, None)
    # One that the dimensions had nothing to say of is never paired.
    (unpaired,) = paired(resources, group(same, response("b")), us=(Abstain("lost"), 0.9)).unpaired
    assert unpaired.reason == "a side has no score"


@pytest.mark.parametrize(
    ("responses", "us", "reason"),
    [
        ((sample_response("said"), sample_response("said")), (0.1, 0.2), "identical responses"),
        ((response("a"), response("b")), (Abstain("x"), Abstain("x")), "no response has a score: x"),
        ((response("a", cut=True), response("b", cut=True)), (0.1, 0.2), "truncated"),
    ],
)
def test_refusals(responses: Any, us: Any, reason: str) -> None:
    pairing = paired(PlannedResources(), group(*responses), us=us, truncated="exclude")
    assert [one.reason for one in pairing.unpaired] == [reason]


def test_a_cut_greedy_answer_is_refused_where_the_guards_say_so() -> None:
    cut = PlannedResources(cut=True)
    assert len(paired(cut, group(response("a"), response("b"))).pairs) == 1
    (unpaired,) = paired(cut, group(response("a"), response("b")), truncated="exclude").unpaired
    assert unpaired.reason == "truncated"
    silent = PlannedResources(lambda messages: "")
    assert paired(silent, group(response("a"))).unpaired[0].reason == "empty response"
    refusing = PlannedResources(lambda messages: None)
    assert "does not take" in paired(refusing, group(response("a"))).unpaired[0].reason


def test_what_was_not_decoded_greedily_is_no_greedy_answer() -> None:
    # One token of five was drawn from a tie of two.
    assert paired(PlannedResources(drawn=(math.log(0.5), 0.0, 0.0, 0.0, 0.0)), group(response("a"))).pairs
    with pytest.raises(UdasaError, match="was not decoded greedily"):
        paired(PlannedResources(drawn=(-0.1, 0.0)), group(response("a")))


def test_the_draw_depends_on_seed_and_prompt_alone() -> None:
    prompts = [group(*map(response, "abcd"), prompt_id=f"p{n}") for n in range(12)]
    whole = paired(PlannedResources(), *prompts).pairs
    assert paired(PlannedResources(), *prompts[5:]).pairs == whole[5:]
    with_voters = [replace(one, voters=(response("z"),)) for one in prompts]
    assert paired(PlannedResources(), *with_voters).pairs == whole
