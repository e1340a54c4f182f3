"""Pairing `contrastive`: sampled under hints, and measured under the prompt without them by a real model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from tests.plugins.asking import PlannedResources
from tests.plugins.groups import group, response, scores
from udasa_core import Abstain, Group, Message, ModelRef, Pairing, load_causal_lm
from udasa_plugin_pairing.contrastive import Contrastive

HINTS = {"positive": "(Be kind.)", "negative": "(Be rude.)"}


def says(messages: Sequence[Message]) -> str | None:
    *_, question, hint = messages[-1].content.split("\n\n")
    return None if question == "too long" else f"{'dear' if hint == '(Be kind.)' else 'no'} {question}"


def paired(resources: PlannedResources, *groups: Group, **options: Any) -> Pairing:
    strategy = Contrastive(Contrastive.Options.model_validate({**HINTS, **options}), "contrastive", resources)
    # Its K responses play no part, whether they have scores or not.
    given = [scores(*(Abstain("silent"),) * len(one.responses), prompt_id=one.prompt.id) for one in groups]
    return strategy.udasa_pair(groups, given, seed=5)


def test_hints_are_asked_with_and_are_not_in_the_pair(tiny_ref: ModelRef) -> None:
    resources = PlannedResources(says, tiny_ref, drawn=(-0.1,))
    system = group(response("x"), question="one")
    (pair,) = paired(resources, system, temperature=0.9, max_new_tokens=7).pairs
    assert (pair.chosen.text, pair.rejected.text) == ("dear one", "no one")
    assert (pair.prompt, pair.prompt_token_ids) == (system.prompt, system.prompt_token_ids)
    assert (pair.gap, pair.chosen_U, pair.rejected_U, pair.origin) == (None, None, None, "contrastive")
    contents = [prompt.messages[-1].content for prompt, *_ in resources.asked]
    assert contents == ["one\n\n(Be kind.)", "one\n\n(Be rude.)"]
    assert {(one.responses, one.temperature, one.max_new_tokens) for _, one, _, _ in resources.asked} == {
        (1, 0.9, 7)
    }


def test_log_probabilities_are_those_under_the_plain_prompt(tiny_ref: ModelRef) -> None:
    """A forward pass as oracle: over the group's own prompt tokens and the tokens that were sampled."""
    one = group(response("x"), question="two")
    (pair,) = paired(PlannedResources(says, tiny_ref, drawn=(-0.1,)), one).pairs
    model = load_causal_lm(tiny_ref).model
    for side, text in ((pair.chosen, "dear two"), (pair.rejected, "no two")):
        # As the planned generator spells it: a byte a token, and the end of turn.
        assert side.token_ids == (*(3 + byte for byte in text.encode()), 2)
        ids = [*one.prompt_token_ids, *side.token_ids]
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0].double()
        start = len(one.prompt_token_ids)
        rows = logits.log_softmax(dim=-1)[start - 1 : -1]
        expected = rows[range(len(side.token_ids)), list(side.token_ids)].tolist()
        assert side.logprobs == pytest.approx(expected, abs=1e-4)
        # What they would have been sampled with is not known.
        assert side.sampling_logprobs == side.logprobs
        entropies = (-(rows.exp() * rows).sum(dim=-1)).tolist()
        assert side.entropies == pytest.approx(entropies, abs=1e-4)


def test_refusals(tiny_ref: ModelRef) -> None:
    def reasons(resources: PlannedResources, **options: Any) -> list[str]:
        return [one.reason for one in paired(resources, group(response("x")), **options).unpaired]

    taken = PlannedResources(lambda messages: None, tiny_ref)
    assert reasons(taken) == ["the generator does not take what the policy is asked"]
    assert reasons(PlannedResources(lambda messages: "same", tiny_ref)) == ["identical responses"]
    assert reasons(PlannedResources(lambda messages: "", tiny_ref)) == ["empty response"]
    assert reasons(PlannedResources(says, tiny_ref, cut=True), truncated="exclude") == ["truncated"]
    endless = PlannedResources(lambda messages: "a" * 5000, tiny_ref)
    assert reasons(endless) == ["a response from another prompt does not fit behind this one"]


def test_one_prompt_that_is_not_taken_costs_no_other(tiny_ref: ModelRef) -> None:
    groups = [group(response("x"), prompt_id=name, question=name) for name in ("one", "too long", "three")]
    pairing = paired(PlannedResources(says, tiny_ref), *groups)
    assert [pair.prompt.id for pair in pairing.pairs] == ["one", "three"]
    assert [one.prompt_id for one in pairing.unpaired] == ["too long"]


def test_hints_that_are_alike_are_refused() -> None:
    with pytest.raises(ValidationError, match="are one hint"):
        Contrastive.Options(positive="(Be kind.)", negative=" (Be kind.) ")
