"""What a judge that repeats itself says is read in time that grows with its length, not with its square."""

from __future__ import annotations

import time

import pytest

from udasa_core import rating
from udasa_eval.judges.verdicts import parse_verdict
from udasa_eval.judges.yes_no import parse_yes_no


@pytest.mark.parametrize("sign", ["\n", "```\n", "_ ", "*", "`", " ", ". ", "“", "[[7]] and "])
def test_a_sign_that_is_repeated_ten_thousand_times_is_read_at_once(sign: str) -> None:
    begun = time.process_time()
    rating(sign * 10_000)
    parse_verdict(sign * 10_000)
    parse_yes_no(sign * 10_000, "truthful")
    assert time.process_time() - begun < 1.5
