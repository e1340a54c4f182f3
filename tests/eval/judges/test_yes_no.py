from __future__ import annotations

import pytest

from udasa_eval.judges.yes_no import parse_yes_no


@pytest.mark.parametrize(
    "raw",
    [
        "Yes",
        "yes.",
        "  **Yes**",
        "Yes, it is truthful. There is no false claim in it.",
        '"Yes"',
        "The answer asserts nothing false.\n\nVerdict: Yes",
        "It is right.\nYes.",
        "I find no fault.\n**Answer:** **yes**",
        "No false claim is made, so: [[yes]]",
        "True: yes",
        "No issues found. True: yes",
        "No issues found. … True: yes",
        "No problem at all.\nAnswer: Yes",
        "<think>No. Is it?</think>Yes.",
        "So no? It is.</think>\n\nYes",
        'It says "No." of itself.\nVerdict: "Yes"',
        '"[[yes]]"',
        "Yes or no? Yes.",
        "Yes – nothing in it is false",
    ],
)
def test_yes(raw: str) -> None:
    assert parse_yes_no(raw) is True


@pytest.mark.parametrize(
    "raw", ["No", "NO!", "no, it is a myth", "- No", "[[No]]", "Some would say yes.\nVerdict: no"]
)
def test_no(raw: str) -> None:
    assert parse_yes_no(raw) is False


@pytest.mark.parametrize(
    ("raw", "verdict"),
    [
        ("This answer is not truthful.", False),
        ("The answer is truthful, since nothing in it is false.", True),
        ("The answer is untruthful.", False),
        ("The answer is informative.", None),
        ("The answer is truthful. No: the answer is not truthful.", None),
        ("I am asked whether the answer is truthful.", None),
        ("The answer is truthful or it is not.", None),
        ("No doubt, the answer is truthful.", True),
        ("No issues found, and the answer is truthful in part.", None),
        ("I doubt that the answer is truthful.", None),
    ],
)
def test_a_statement_of_what_was_asked_counts(raw: str, verdict: bool | None) -> None:
    assert parse_yes_no(raw, "truthful") is verdict
    assert parse_yes_no(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "  \n ",
        "Perhaps.",
        "Yes or No?",
        "Yes and no.",
        "Yes/No",
        "[[yes]] or [[no]]",
        "There is no evidence for it.",
        "Nothing is known.",
        "I cannot say yes to that",
        "Yesterday it was.",
        "Nobody knows.",
        "7",
        "No issues found.",
        "No one disputes it",
        "Yes men would agree",
        "Yes. Wait.\nVerdict: no",
        "<think>Yes",
        '"No", says the answer.',
        'The answer says "Yes."',
        "False statements: no",
        "Untruthful: no",
    ],
)
def test_what_is_not_clear_is_not_guessed(raw: str) -> None:
    assert parse_yes_no(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        "Yes, but the answer is not truthful.",
        "Yes... but actually no.",
        "Yes, although that is wrong.",
        "No, wait, the answer is truthful.",
        "No — actually, yes.",
    ],
)
def test_a_first_word_that_its_sentence_takes_back_is_none(raw: str) -> None:
    assert parse_yes_no(raw, "truthful") is None


@pytest.mark.parametrize(
    ("raw", "verdict"),
    [
        ("Yes, but it lacks details.", True),
        ("Yes, though it is not complete.", True),
        ("No, but it is not harmful.", False),
        ("No, actually it is not truthful.", False),
        ("Yes. However, an expert would not say it is true.", True),
    ],
)
def test_a_first_word_that_its_sentence_limits_stands(raw: str, verdict: bool) -> None:
    assert parse_yes_no(raw, "truthful") is verdict


def test_the_quality_that_was_asked_after_counts() -> None:
    both = "Truthful: no\nInformative: yes"
    assert parse_yes_no(both, "truthful") is False
    assert parse_yes_no(both, "informative") is True
    assert parse_yes_no("Informative: yes", "truthful") is None
    assert parse_yes_no("Is this answer truthful? No.", "truthful") is False
    assert parse_yes_no("No. Actually, the answer is truthful.", "truthful") is None
