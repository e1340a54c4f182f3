"""A judge's [[A]], [[B]] and [[C]]."""

from __future__ import annotations

import pytest

from udasa_eval.judges.verdicts import parse_verdict


@pytest.mark.parametrize(
    ("raw", "verdict"),
    [
        ("Both are fine.\n\n[[A]]", "A"),
        ("Assistant B is better: [[B]]", "B"),
        ("A tie. [[C]]", "tie"),
        ("[[ A ]] and once more [[A]]", "A"),
        ("<think>[[A]]?</think> [[B]]", "B"),
        ("<think>[[A]]?</think> Neither can be told.", None),
        ('B ends with "[[B]]", which is no reason. [[A]]', "A"),
        ('My final verdict is: "[[A]]"', "A"),
        ("", None),
        ("A is better", None),
        ("[A]", None),
        ("[[D]]", None),
        # Repeats the instruction, as weak judges do.
        ('"[[A]]" if assistant A is better, "[[B]]" if assistant B is better, and "[[C]]" for a tie', None),
    ],
)
def test_verdicts(raw: str, verdict: str | None) -> None:
    assert parse_verdict(raw) == verdict
