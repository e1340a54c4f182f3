"""Where a response's thought ends and its answer begins, by hand, in every spelling that is known."""

from __future__ import annotations

import pytest

from tests.core.text.test_own_words import BEGUN
from udasa_core.text.thought import ThoughtMarks, answer_start, is_reasoning_tag, mirrored, opening


def answer(text: str, marks: ThoughtMarks | None = None, opened: str = "") -> str | None:
    """Return the answer of a response, None for a thought that does not end."""
    start = answer_start(text, marks, opened)
    return None if start is None else text[start:]


@pytest.mark.parametrize(("begins", "ends"), BEGUN)
def test_the_answer_stands_behind_the_thought(begins: str, ends: str) -> None:
    assert answer(f"{begins}It may be Lyon.\n{ends}\n\nParis.\n") == "Paris.\n"
    assert answer(f"{begins}It may be Lyon.{ends}") == ""


@pytest.mark.parametrize(("begins", "ends"), BEGUN[:12])
def test_a_thought_that_does_not_end_has_no_answer(begins: str, ends: str) -> None:
    assert answer(f"{begins}It may be Lyon. But") is None
    assert answer(f"\n{begins}") is None
    assert answer(f"{begins}Lyon?{ends}Paris. {begins}Or is it") is None


@pytest.mark.parametrize(("begins", "ends"), BEGUN[:13])
def test_a_prompt_that_opens_the_thought(begins: str, ends: str) -> None:
    opened = opening(f"assistant\n{begins}\n")
    assert opened == begins.strip()
    assert answer(f"It may be Lyon.{ends}Paris.", opened=opened) == "Paris."
    assert answer("It may be Lyon.", opened=opened) is None
    assert answer("", opened=opened) is None
    # Recorded without its prompt's template, it shows by its end alone.
    assert answer(f"It may be Lyon.{ends}Paris.") == "Paris."


@pytest.mark.parametrize(
    "text",
    [
        "Paris.",
        "",
        "  ",
        "In HTML, <think> is no element, and </think> closes none.",
        "Paris<|end|>",
        "The analysis assistantfinal said: Paris.",
        "Here is my response: Paris.",
        "Many think that it is Lyon.",
    ],
)
def test_a_response_that_thinks_nothing_is_all_answer(text: str) -> None:
    assert answer(text) == text


def test_the_last_mark_ends_the_thought() -> None:
    assert answer("<think>It writes </think> in it.</think>\nParis.") == "Paris."
    assert answer("<think>a</think>\n<think>b</think>Paris.") == "Paris."
    # Marks of other kinds end nothing.
    assert answer("<think>[/THINK]</think>Here is my response: Paris.") == "Here is my response: Paris."


def test_a_models_own_marks_count_first() -> None:
    own = ThoughtMarks("<ponder>", "</ponder>", "</ponder>\n")
    assert answer("<ponder>Lyon?</ponder>\nParis.") == "<ponder>Lyon?</ponder>\nParis."
    assert answer("<ponder>Lyon?</ponder>\nParis.", own) == "Paris."
    assert answer("<ponder>Lyon?", own) is None
    assert opening("assistant\n<ponder>\n", own) == "<ponder>"
    assert (opening("assistant\n<ponder>\n"), opening("<think>\n\n</think>\n\n")) == ("", "")
    assert answer("Lyon?</ponder>Paris.", own, "<ponder>") == "Paris."
    assert answer("<think>Lyon?</think>Paris.", own) == "Paris."


@pytest.mark.parametrize(("begins", "ends"), [*BEGUN[:2], *BEGUN[3:12]])
def test_a_mark_tells_what_ends_it(begins: str, ends: str) -> None:
    assert mirrored(begins) == ends
    assert [is_reasoning_tag(one) for one in (begins, ends, f"{begins}a")] == [True, True, False]


def test_other_marks_tell_nothing() -> None:
    assert mirrored("<|channel>thought") == mirrored("") == mirrored("</think>") == ""
    assert mirrored('<think effort="high">') == "</think>"
