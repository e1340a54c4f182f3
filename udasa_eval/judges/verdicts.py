"""A judge's verdict on two answers, read from its own words: [[A]], [[B]] or [[C]] for a tie."""

from __future__ import annotations

import re
from typing import Literal

from udasa_core import own_words

Verdict = Literal["A", "B", "tie"]

_MARK = r"\[\[\s*[ABC]\s*\]\]"
_LETTER = re.compile(r"\[\[\s*([ABC])\s*\]\]")
_MEANING: dict[str, Verdict] = {"A": "A", "B": "B", "C": "tie"}


def parse_verdict(raw: str) -> Verdict | None:
    """Return which answer a judge's text prefers, None where it does not say, or says different things.

    FastChat (`llm_judge/common.py`, run_judge_pair) takes [[A]] wherever it stands, then [[B]], then [[C]];
    so a judge that repeats the instruction is read as A. Here the judge's own words count, its reasoning and
    its quotations set aside, and a text with different marks is unparsed. Where all marks agree, as in nearly
    every judgement, both readings are the same.
    """
    marks = set(_LETTER.findall(own_words(raw, _MARK)))
    return _MEANING[marks.pop()] if len(marks) == 1 else None
