"""Suite `short-answers` with planned responses: figures by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.canned import response
from tests.eval.suites.judging import JudgingResources
from udasa_core import Group, Message, ModelRef, Prompt, UdasaError
from udasa_core.testing.suites import check_suite
from udasa_eval.labelled.sets import Question, questions
from udasa_eval.suites.short_answers import ShortAnswers, _row

ASKED = Question("q", "What is the capital of France?", ("Paris",), ("Lyon",), "places", "easy", "dev")


def row(*texts: str) -> dict[str, Any]:
    prompt = Prompt("q", (Message("user", ASKED.prompt),))
    return _row(ASKED, Group(prompt, (1,), tuple(map(response, texts)), "policy"), 7)


def test_figures_of_a_question_by_hand() -> None:
    told = row("It is Paris.", "Lyon.", "Lyon.", "I can't help with that.")
    assert (told["accuracy"], told["any_of_k"], told["majority"]) == (0.25, 1.0, 0.0)
    assert (told["single_cluster"], told["refusals"], told["truncated"]) == (0.0, 0.25, 0.0)
    assert told["score"] == told["accuracy"]
    # So that a reader sees which of them is right, and what would have been.
    assert (told["reference"], told["right"]) == ("Paris", [True, False, False, False])


def test_a_collapse_shows_where_accuracy_does_not() -> None:
    """As right as before, and no other answer is left."""
    before, after = row("Paris.", "Lyon.", "Rome.", "Nice."), row("Lyon.", "Lyon.", "Lyon.", "It is Lyon.")
    assert (before["any_of_k"], after["any_of_k"]) == (1.0, 0.0)
    assert (before["single_cluster"], after["single_cluster"]) == (0.0, 1.0)


def test_the_suite_over_the_bundled_questions(tiny_ref: ModelRef) -> None:
    """One right, one wrong, one that is not taken; four questions of the yes/no set, taken evenly."""
    whole = questions("yes_no", "dev")
    picked = [whole[number * len(whole) // 4] for number in range(4)]
    planned = {picked[0].prompt: picked[0].answers[0], picked[1].prompt: picked[1].rivals[0]}

    def says(prompt: Prompt, policy: ModelRef) -> str | None:
        asked = prompt.messages[-1].content
        return None if asked == picked[3].prompt else planned.get(asked, "Nobody knows.")

    shared = JudgingResources(tiny_ref, says, lambda prompt, seed: "")
    options = ShortAnswers.Options(set="yes_no", limit=4, responses=1)
    suite = ShortAnswers(options, "short-answers", shared)
    assert suite.udasa_questions() == [one.prompt for one in picked]
    report = suite.udasa_evaluate(tiny_ref, 1)
    found = {one.name: one for one in report.metrics}
    assert found["accuracy"].value == pytest.approx(1 / 3)
    assert found["accuracy"].n == 3
    assert found["not_asked"].value == 0.25
    assert [one["score"] for one in report.rows] == [1.0, 0.0, 0.0, None]


def test_that_nobody_answers_is_an_error(tiny_ref: ModelRef) -> None:
    shared = JudgingResources(tiny_ref, lambda prompt, policy: None, lambda prompt, seed: "")
    with pytest.raises(UdasaError, match="none of 3 prompts"):
        ShortAnswers(ShortAnswers.Options(limit=3), "short-answers", shared).udasa_evaluate(tiny_ref, 1)


def test_it_keeps_the_contract(tiny_ref: ModelRef) -> None:
    shared = JudgingResources(tiny_ref, lambda prompt, policy: "Paris.", lambda prompt, seed: "")
    check_suite(ShortAnswers, {"limit": 3}, policy=tiny_ref, resources=shared)
