"""Where responses give no short answer, what compares answers is silent, by prompt and with the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.plugins.groups import RESOURCES, group, response, scores
from udasa_core import Abstain
from udasa_core.plugins.compared import NO_ANSWER, is_answered
from udasa_plugin_factual.cocoa import CoCoA
from udasa_plugin_pairing.extremes import Extremes
from udasa_plugin_semantic.agreement import Agreement
from udasa_plugin_semantic.degree import Degree

ESSAY = (
    "Autumn is here. The leaves fall slowly on the wet roads, and children kick them. Somewhere a dog barks."
)
SHORT = "Paris."


@pytest.mark.parametrize(
    ("texts", "voters", "expected"),
    [
        ((SHORT, "It is Paris."), (), True),
        ((ESSAY, ESSAY), (), False),
        # Of the prompt, not of the response: one short text among essays has no score either.
        ((SHORT, ESSAY, ESSAY, ESSAY), (), False),
        ((SHORT, SHORT, SHORT, ESSAY), (), True),
        ((SHORT, ESSAY), (ESSAY, ESSAY, ESSAY), False),
        # A marked answer is an answer, however long the way to it.
        ((f"{ESSAY} The answer is 12.", f"{ESSAY} \\boxed{{12}}"), (), True),
        (("", ""), (), True),
    ],
)
def test_prompts_that_are_answered(texts: tuple[str, ...], voters: tuple[str, ...], expected: bool) -> None:
    one = replace(group(*map(response, texts)), voters=tuple(map(response, voters)))
    assert is_answered(one) is expected


def test_what_compares_answers_abstains_and_keeps_the_others_in_order() -> None:
    essays = group(response(ESSAY), response(f"{ESSAY} So be it."), prompt_id="essay")
    facts = group(response("Paris."), response("Rome."), prompt_id="fact")
    for factory, options in ((Agreement, {}), (CoCoA, {"on": "answer"}), (Degree, {"on": "answer"})):
        plugin = factory(factory.Options.model_validate(options), "tested", RESOURCES)
        alone = plugin.udasa_score([facts], seed=0).scores[0]
        column = plugin.udasa_score([essays, facts, essays], seed=0).scores
        assert column == ((NO_ANSWER,) * 2, alone, (NO_ANSWER,) * 2)
        assert not any(isinstance(score, Abstain) for score in alone)
    whole = Degree(Degree.Options.model_validate({"on": "text"}), "tested", RESOURCES)
    assert not any(isinstance(score, Abstain) for score in whole.udasa_score([essays], seed=0).scores[0])


def test_a_prompt_without_scores_is_unpaired_with_the_reason() -> None:
    pairing = Extremes(Extremes.Options(), "extremes", RESOURCES)
    made = pairing.udasa_pair(
        [group(response(ESSAY), response(SHORT))], [scores(NO_ANSWER, NO_ANSWER)], seed=0
    )
    assert [one.reason for one in made.unpaired] == [f"no response has a score: {NO_ANSWER.reason}"]
