"""What answers to one question share."""

from __future__ import annotations

import pytest

from udasa_core.text.answer import answer_to

QUESTION = "How many legs does a spider have?"


def test_answers_in_another_dress_are_equal() -> None:
    for one, other in (("Brasília", "Brasilia"), ("H₂O", "H2O"), ("fifty-six", "56"), ("x²", "x2")):
        a, b = answer_to("What?", one), answer_to("What?", other)
        assert a == b


def test_an_echo_says_nothing_and_a_choice_does() -> None:
    assert answer_to(QUESTION, "A spider does have legs.").echoes
    assert not answer_to(QUESTION, "8").echoes
    assert not answer_to("Which is bigger, the Sun or the Moon?", "The Moon.").echoes
    assert not answer_to("Is it safe?", "It is safe.").echoes
    assert answer_to("Is it safe?", "Is it safe?").echoes
    assert not answer_to(QUESTION, "").echoes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A spider has eight legs.", {"8"}),
        ("The answer is 12 apples.", {"answer", "12", "apple"}),
        ("Typically it is the Yen.", {"yen"}),
        ("", set()),
    ],
)
def test_content_words(text: str, words: set[str]) -> None:
    assert answer_to(QUESTION, text).words == words - ({"answer"} if "answer is" in text else set())


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("The Sun is bigger.", "The Moon is bigger.", 0.5),
        ("It is a planet.", "It is not a planet.", 0.0),
        ("-5", "5", 0.0),
        ("1,000 men", "1000", 1.0),
        ("12", "a dozen, that is 12", 1.0),
        ("3.5", "5", 0.0),
        ("Vitamin A", "Vitamin A", 1.0),
        ("", "🙂", 0.0),
    ],
)
def test_answers_overlap_as_they_agree(one: str, other: str, overlap: float) -> None:
    asked = "Which is bigger, the Sun or the Moon?"
    a, b = answer_to(asked, one), answer_to(asked, other)
    assert a.agreement(b, 0.0) == b.agreement(a, 0.0) == overlap / 2
