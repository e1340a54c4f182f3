"""Strict and loose: what a first line, a last line and asterisks spoil."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from udasa_eval.instructions.check import check, loose_forms
from udasa_eval.instructions.prompts import instructed

ROW: dict[str, Any] = {
    "key": 7,
    "prompt": "p",
    "instruction_id_list": [
        "punctuation:no_comma",
        "startend:end_checker",
        "length_constraints:number_words",
    ],
    "kwargs": [{}, {"end_phrase": "the end"}, {"num_words": 4, "relation": "less than"}],
}
ASKED = instructed(ROW)


def test_each_instruction_has_its_verdict() -> None:
    verdict = check("One, the end", ASKED)
    assert verdict.strict == (False, True, True)
    assert verdict.failed() == ("punctuation:no_comma",)


def test_a_greeting_a_farewell_and_bold_type_count_strictly_alone() -> None:
    verdict = check("Sure, gladly:\nThis: *the end*\nBye, bye.", ASKED)
    assert verdict.strict == (False, False, False)
    assert verdict.loose == (True, True, True)
    assert verdict.failed(loose=True) == ()


def test_the_eight_forms() -> None:
    assert loose_forms("a *b*\nc\nd") == (
        "a *b*\nc\nd", "c\nd", "a *b*\nc", "c", "a b\nc\nd", "a b\nc",
    )  # fmt: skip
    assert loose_forms("one line") == ("one line", "")


def test_what_is_stripped_to_nothing_fulfils_nothing() -> None:
    """Without its only line a response is empty, and has no comma."""
    assert check("Yes, no", ASKED).loose == (False, False, True)


@given(st.text(alphabet='aA ,.*\n"end the', max_size=60))
def test_strict_implies_loose(text: str) -> None:
    verdict = check(text, ASKED)
    assert all(loose or not strict for strict, loose in zip(verdict.strict, verdict.loose, strict=True))


@given(st.lists(st.sampled_from(["word", "ein", "42", "über"]), max_size=12), st.integers(0, 12))
def test_fewer_than_and_at_least_part_all_lengths(words: list[str], number: int) -> None:
    def holds(relation: str) -> bool:
        kwargs = {"num_words": number, "relation": relation}
        row = {**ROW, "instruction_id_list": ["length_constraints:number_words"], "kwargs": [kwargs]}
        return check(" ".join(words), instructed(row)).strict[0]

    assert holds("less than") == (0 < len(words) < number)
    assert holds("at least") == (0 < len(words) >= number)
