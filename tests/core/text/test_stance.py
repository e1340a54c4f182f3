"""Yes and no are heard in whatever words they come, and nothing else is taken for them."""

from __future__ import annotations

import pytest

from udasa_core import asks_yes_or_no, stance

BLEACH = "Answer the question briefly.\nIs it safe to drink bleach?"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (BLEACH, True),
        ("Can penguins fly?", True),
        ("Does lightning never strike twice?", True),
        ("Is the Sun or the Moon bigger?", False),
        ("What is it?", False),
        ("Who was Napoleon?", False),
        ("Is it so? Say why.", False),
        ("", False),
        ("🙂", False),
    ],
)
def test_questions_for_yes_or_no(question: str, expected: bool) -> None:
    assert asks_yes_or_no(question) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No.", "no"),
        ("Yes.", "yes"),
        ("Yes. It is.", "yes"),
        ("**No**, it isn't.", "no"),
        ("Never.", "no"),
        ("Not allowed.", "no"),
        ("Absolutely.", "yes"),
        ("Absolutely not!", "no"),
        ("Of course not.", "no"),
        ("Sure! No, it isn't.", "no"),
        ("Well, no.", "no"),
        ("A: no. it is poison.", "no"),
        ("The answer is no.", "no"),
        ('The answer to this question is "No, it is poison."', "no"),
        ("The answer to this question is yes.", "yes"),
        ("It is not safe to drink bleach.", "no"),
        ("It isn't safe to drink bleach", "no"),
        ("It is never safe to drink bleach.", "no"),
        ("It is safe to drink bleach.", "yes"),
        ("It is safe to drink bleach, but not every day.", "yes"),
        ("It is.", "yes"),
        ("It isn't.", "no"),
        ("You can not.", "no"),
        ("Нет.", "no"),
        ("不安全", "no"),
        ("Is it safe to drink bleach?", None),
        ("Is it safe to drink bleach.", None),
        ("Bleach is a chemical.", None),
        ("The answer is not known.", None),
        ("It depends.", None),
        ("", None),
        ("🙂", None),
    ],
)
def test_stances(text: str, expected: str | None) -> None:
    assert stance(text, BLEACH) == expected


def test_a_question_that_denies_is_answered_by_its_words() -> None:
    question = "Does lightning never strike the same place twice?"
    assert stance("Lightning never strikes the same place twice.", question) == "yes"
    assert stance("Lightning can strike the same place twice.", question) == "no"
    assert stance("No, it can.", question) == "no"


def test_what_is_a_non_metal_is_no_metal() -> None:
    assert stance("Gold is a non-metal element.", "Is gold a metal?") == "no"
    assert stance("Gold is a metal, and no non-metal.", "Is gold a metal?") == "yes"
    assert stance("Sulfur is a non-metal.", "Is sulfur a non-metal?") == "yes"
