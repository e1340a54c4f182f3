"""Verdicts in both orders."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from tests.eval.suites.judging import PlannedJudge
from udasa_core import Message, Prompt, UdasaError
from udasa_eval.judges.pairwise import PairVerdicts, judge_pairs


def asked(name: str) -> Prompt:
    return Prompt(name, (Message("user", name),))


def compared(said: Mapping[str, str], repeats: int = 1, max_unparsed: float = 0.5) -> PairVerdicts:
    """Compare pairs by what the judge says to "p/first" and "p/swapped"."""
    names = list(dict.fromkeys(key.partition("/")[0] for key in said))
    judge = PlannedJudge(lambda prompt, seed: said[prompt.id])
    first = [asked(f"{name}/first") for name in names]
    swapped = [asked(f"{name}/swapped") for name in names]
    return judge_pairs("mine", judge, first, swapped, 3, repeats, max_unparsed)


def test_a_win_needs_both_orders() -> None:
    """FastChat's table: the model is A first, and B in the swapped order."""
    said = {
        "win/first": "[[A]]",
        "win/swapped": "[[B]]",
        "loss/first": "[[B]]",
        "loss/swapped": "[[A]]",
        "likes A/first": "[[A]]",
        "likes A/swapped": "[[A]]",
        "likes B/first": "[[B]]",
        "likes B/swapped": "[[B]]",
        "tie/first": "[[C]]",
        "tie/swapped": "[[C]]",
        "half/first": "[[A]]",
        "half/swapped": "[[C]]",
        "lost/first": "[[A]]",
        "lost/swapped": "who knows",
    }
    found = compared(said)
    assert found.mean_preferences.tolist()[:6] == [1.0, 0.0, 0.5, 0.5, 0.5, 0.5]
    assert found.consistent.tolist()[:6] == [1.0, 1.0, 0.0, 0.0, 1.0, 0.0]
    assert np.isnan(found.mean_preferences[6])
    assert np.isnan(found.consistent[6])
    assert found.both.unparsed == 1
    assert found.swapped.raws[6] == ("who knows",)


def test_repeats_are_averaged_over_those_that_parse() -> None:
    verdicts = {0: ("[[A]]", "[[B]]"), 1: ("[[C]]", "[[C]]"), 2: ("?", "[[B]]")}
    judge = PlannedJudge(lambda prompt, seed: verdicts[seed][prompt.id == "swapped"])
    found = judge_pairs("mine", judge, [asked("first")], [asked("swapped")], 0, 3, 0.5)
    assert found.mean_preferences.tolist() == [0.75]
    assert [seed for _, seed in judge.asked] == [0, 0, 1, 1, 2, 2]


def test_too_many_without_a_verdict_fail_and_are_shown() -> None:
    said = {"p/first": "I like both of them", "p/swapped": "[[A]]"}
    with pytest.raises(
        UdasaError, match=r"'mine': 1 of 2 judgements contain no verdict.*'I like both of them'"
    ):
        compared(said, max_unparsed=0.4)
    assert np.isnan(compared(said, max_unparsed=0.5).mean_preferences).all()


def test_no_pair_asks_nothing() -> None:
    judge = PlannedJudge(lambda prompt, seed: "[[A]]")
    found = judge_pairs("mine", judge, [], [], 0, 2, 0.0)
    assert found.mean_preferences.shape == (0,)
    assert not judge.asked
