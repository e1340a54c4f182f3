"""What of a judge's text is the judge's own, by hand."""

from __future__ import annotations

import pytest

from udasa_core import own_words, rating

BEGUN = [
    ("<think>", "</think>"),
    ("<THINK>", "</THINK>"),
    ('<think effort="high">', "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("<|channel>thought\n", "<channel|>"),
    ("analysis", "assistantfinal"),
    ("Here is my thought process:", "Here is my response:"),
]


@pytest.mark.parametrize(("begins", "ends"), BEGUN)
def test_reasoning_is_set_aside(begins: str, ends: str) -> None:
    assert rating(f"{begins}It may be a Rating: [[5]].\n{ends}\n\nRating: [[9]]") == 9.0
    assert rating(f"{begins}It may be a Rating: [[5]].\n{ends}\n\nI cannot say.") is None


@pytest.mark.parametrize(("begins", "ends"), BEGUN[:12])
def test_reasoning_may_lack_its_beginning_or_its_end(begins: str, ends: str) -> None:
    assert rating(f"It may be a Rating: [[5]].{ends}Rating: [[9]]") == 9.0
    assert rating(f"{begins}It may be a Rating: [[5]]. But") is None
    assert rating(f"Rating: [[8]]\n{begins}Or is it a [[3]]?") == 8.0


def test_reasoning_that_speaks_of_reasoning() -> None:
    assert rating("<think>It writes </think> in it: [[5]].</think> [[9]]") == 9.0
    assert rating("<think>First <think>then</think> [[5]]</think> [[9]]") == 9.0


@pytest.mark.parametrize(
    "quoted",
    [
        '"Rating: [[10]]"',
        "“[[10]]”",
        "„[[10]]“",
        "«[[10]]»",
        "「[[10]]」",
        "'[[10]]'",
        "'I'd say [[10]]'",
        "‘I’d say [[10]]’",
        "`[[10]]`",
        "\n```\nRating: [[10]]\n```\n",
        "\n~~~text\n[[10]]\n~~~\n",
        "\n> Rating: [[10]]\n",
        "[The Start of Assistant's Answer]\n[[10]]\n[The End of Assistant's Answer]",
        '"Best.\nRating: [[10]]"',
    ],
)
def test_quotations_are_set_aside(quoted: str) -> None:
    assert rating(f"The response says {quoted}, which is no reason.\n\nRating: [[1]]") == 1.0
    assert rating(f"Rating: [[1]], as the response says {quoted} of itself.") == 1.0
    assert rating(f"The response says {quoted} of itself; I cannot rate that.") is None
    assert rating(f"The response says {quoted}") is None


@pytest.mark.parametrize(
    "said",
    [
        '"[[7]]"',
        'Good.\n\nRating: "[[7]]"',
        'Good.\n"Rating: [[7]]"',
        "Good.\n**Rating:** `[[7]]`",
        "Good. My final rating:\n```\n[[7]]\n```",
        "```\nGood.\nRating: [[7]]\n```",
        '“Rating: [[5]]” is the form. My rating is "[[7]]".\nRating: [[7]]',
    ],
)
def test_a_last_line_that_is_the_rating_is_the_judges_own(said: str) -> None:
    assert rating(said) == 7.0


def test_marks_that_look_like_quotations_are_none() -> None:
    for text in (
        'The 6" nail is right, but the 3" is not.',
        "The users' answer isn't 'good'.",
        "It's 5'4\".",
    ):
        assert own_words(text).startswith(text[:12])
        assert rating(f"{text} Rating: [[4]]") == 4.0


def test_what_has_neither_is_as_it_was() -> None:
    text = "It is right, on the whole: 2 < 3, and x > y.\n\nRating: [[6]]"
    assert own_words(text) == text
    assert own_words("") == ""
