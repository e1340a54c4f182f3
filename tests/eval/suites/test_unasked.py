"""Prompts that the generator did not take: their share, and the error where they are all."""

from __future__ import annotations

import pytest

from udasa_core import Resamples, UdasaError
from udasa_eval.suites.unasked import not_asked, refuse_silence


def test_the_share_of_prompts_that_were_not_taken() -> None:
    resamples = Resamples.draw(4, 3)
    assert not_asked(["a", "", [], 0], resamples) == []
    (share,) = not_asked(["a", None, None, ""], resamples)
    assert (share.name, share.value, share.n) == ("not_asked", 0.5, 4)


def test_silence_is_no_figure() -> None:
    refuse_silence("quiz", ["", None])
    with pytest.raises(
        UdasaError, match=r"suite 'quiz': none of 2 prompts was answered.*: lower max_new_tokens"
    ):
        refuse_silence("quiz", [None, None])
    with pytest.raises(UdasaError, match="the log says why: shorten them"):
        refuse_silence("quiz", [None], "shorten them")
