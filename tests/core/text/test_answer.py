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


def test_what_a_prompt_tells_before_it_asks_may_be_its_answer() -> None:
    prompt = "Rosa has 7 pens, Sam has 12 pens, Ida has 9 pens. How many pens does Ida have?"
    told = [answer_to(prompt, text) for text in ("Ida has 9 pens.", "9", "Nine pens.")]
    assert [(one.words, one.echoes) for one in told] == [(frozenset({"9"}), False)] * 3
    assert told[0].agreement(answer_to(prompt, "Ida has 7 pens."), closeness=0.5) == 0.25
    assert answer_to(prompt, "How many pens does Ida have?").echoes
    assert answer_to(prompt, "Ida has pens.").echoes
    # Who repeats all that was told chose none of it.
    assert answer_to(prompt, "Rosa has 7 pens, Sam has 12, and Ida has 9 pens.").echoes
    fact = "The capital of Freedonia is Fredville. What is the capital of Freedonia?"
    assert not answer_to(fact, "The capital of Freedonia is Fredville.").echoes
    assert answer_to(fact, "The capital of Freedonia.").echoes
    assert answer_to("Name the capital of France.", "The capital of France.").echoes


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


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Leonardo", "Leonardo da Vinci, in 1503", True),
        ("1914 to 1918", "1914 to 1919", False),  # one of two
        ("George Herbert Bush", "George Walker Bush", True),  # two of three
        ("12", "12 eggs", True),
        ("12 eggs", "13 eggs", False),
        ("It is a planet.", "It is not a planet.", False),
        ("Brasília", "brasilia", True),
        ("", "Paris", False),
        ("Paris", "Lyon", False),
    ],
)
def test_answers_are_one_where_most_of_the_shorter_ones_words_are_shared(
    one: str, other: str, same: bool
) -> None:
    a, b = answer_to("What was it?", one), answer_to("What was it?", other)
    assert a.same_as(b) is b.same_as(a) is same


def test_answers_to_a_yes_or_no_question_are_one_where_they_say_the_same() -> None:
    told = ["No.", "It is not safe to drink bleach.", "Never!", "Yes.", "It is."]
    answers = [answer_to("Is it safe to drink bleach?", text) for text in told]
    same = [[one.same_as(other) for other in answers] for one in answers]
    assert same == [[True] * 3 + [False] * 2] * 3 + [[False] * 3 + [True] * 2] * 2


def test_an_echo_is_one_with_no_answer() -> None:
    echo, answer = answer_to(QUESTION, "A spider does have legs."), answer_to(QUESTION, "8")
    assert not echo.same_as(answer)
    assert not echo.same_as(echo)
