"""Pairing `revised`: what the policy is shown, and what becomes of what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.plugins.asking import PlannedResources
from tests.plugins.groups import group, scores
from udasa_core import Abstain, Group, Message, ModelRef, Pairing, Score
from udasa_core.testing.planted import sample_response
from udasa_plugin_pairing.revised import Revised

ASKING = {"critique": "Fault? {principle}", "revise": "Again."}
FIRST = sample_response("first")


def says(messages: Sequence[Message]) -> str | None:
    """A critique that quotes, and a revision that counts how often it was revised."""
    if messages[-1].content.startswith("Fault?"):
        return f"{messages[-2].content} is dull"
    return f"better {messages[-4].content}"


def paired(
    resources: PlannedResources, *groups: Group, us: tuple[Score, ...] = (), seed: int = 0, **options: Any
) -> Pairing:
    strategy = Revised(Revised.Options.model_validate({**ASKING, **options}), "revised", resources)
    given = [scores(*(us or (0.3,) * len(one.responses)), prompt_id=one.prompt.id) for one in groups]
    return strategy.udasa_pair(groups, given, seed)


def test_critique_and_revision_by_hand(tiny_ref: ModelRef) -> None:
    resources = PlannedResources(says, tiny_ref)
    one = group(FIRST, sample_response("second"), question="Why?")
    (pair,) = paired(resources, one, principles=("Be brief.",)).pairs
    assert (pair.chosen.text, pair.rejected) == ("better first", FIRST)
    assert (pair.gap, pair.chosen_U, pair.rejected_U, pair.origin) == (None, None, 0.3, "revised")
    assert (pair.prompt, pair.prompt_token_ids) == (one.prompt, one.prompt_token_ids)
    critique, revision = ([turn.content for turn in prompt.messages] for prompt, *_ in resources.asked)
    assert critique == ["Why?", "first", "Fault? Be brief."]
    assert revision == ["Why?", "first", "Fault? Be brief.", "first is dull", "Again."]
    # Sampled tokens, figures under the prompt alone: test_pairing_contrastive has the oracle.
    assert pair.chosen.token_ids == sample_response("better first").token_ids
    assert pair.chosen.sampling_logprobs == pair.chosen.logprobs != sample_response("better first").logprobs


def test_several_revisions_go_on_from_the_last(tiny_ref: ModelRef) -> None:
    resources = PlannedResources(says, tiny_ref)
    (pair,) = paired(resources, group(FIRST), revisions=3).pairs
    assert pair.chosen.text == "better better better first"
    assert pair.rejected == FIRST
    assert len(resources.asked) == 6
    # The next critique is of the revision alone, behind the prompt.
    assert [turn.content for turn in resources.asked[2][0].messages][:2] == ["Why?", "better first"]


def test_principles_are_drawn_by_seed_prompt_and_round(tiny_ref: ModelRef) -> None:
    def drawn(seed: int, count: int = 24) -> list[str]:
        resources = PlannedResources(says, tiny_ref)
        groups = [group(FIRST, prompt_id=f"p{n}") for n in range(count)]
        paired(resources, *groups, seed=seed, principles=("A", "B", "C"))
        contents = [prompt.messages[-1].content for prompt, *_ in resources.asked]
        return [content[-1] for content in contents if content.startswith("Fault?")]

    assert set(drawn(0)) == {"A", "B", "C"}
    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)


def test_the_first_response_that_may_be_paired_is_revised(tiny_ref: ModelRef) -> None:
    two = group(FIRST, sample_response("second"))
    (pair,) = paired(PlannedResources(says, tiny_ref), two, us=(Abstain("x"), 0.6)).pairs
    assert (pair.rejected.text, pair.rejected_U) == ("second", 0.6)
    silent = paired(PlannedResources(says, tiny_ref), two, us=(Abstain("x"), Abstain("x")))
    assert silent.unpaired[0].reason == "no response has a score: x"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (lambda messages: None, "the generator does not take what the policy is asked"),
        (lambda messages: "first", "identical responses"),
        (lambda messages: " ", "empty response"),
        (
            lambda messages: "fault" if messages[-1].content.startswith("Fault?") else None,
            "the generator does not take what the policy is asked",
        ),
    ],
)
def test_refusals(told: Any, reason: str, tiny_ref: ModelRef) -> None:
    pairing = paired(PlannedResources(told, tiny_ref), group(FIRST))
    assert [one.reason for one in pairing.unpaired] == [reason]
