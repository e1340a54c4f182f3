"""Agreement of repeats: a published example, planted noise, and flips by hand."""

from __future__ import annotations

import numpy as np
import pytest

from udasa_core import Resamples
from udasa_eval.experiments.agreement import FreshScores, fresh_responses, same_responses
from udasa_eval.experiments.intraclass import intraclass
from udasa_eval.statistics.ranks import rank_agreement

NAN = np.nan


def test_the_published_example_of_icc() -> None:
    # Shrout and Fleiss (1979), table 2: six targets, four judges; ICC(2,1) = .29.
    judged = np.array(
        [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
    )
    found = intraclass("icc", judged, np.arange(6), Resamples.draw(6, 0))
    assert found.value == pytest.approx(0.29, abs=0.005)
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_icc_and_rank_find_a_planted_share_of_noise(share: float) -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(600, 1))
    values = np.sqrt(share) * truth + np.sqrt(1 - share) * rng.normal(size=(600, 3))
    resamples = Resamples.draw(600, 0)
    icc = intraclass("icc", values, np.arange(600), resamples)
    rank = rank_agreement("rank", values, resamples)
    assert icc.value == pytest.approx(share, abs=0.06)
    assert icc.low < share < icc.high
    # Of normal values, ρ = 6/π arcsin(r/2).
    assert rank.value == pytest.approx(6 / np.pi * np.arcsin(share / 2), abs=0.06)
    assert rank.low < rank.value < rank.high


def test_a_shift_between_repeats_is_disagreement_for_icc_and_none_for_ranks() -> None:
    values = np.linspace(0, 1, 20)[:, None] + np.array([0.0, 1.0])
    resamples = Resamples.draw(20, 0)
    assert intraclass("icc", values, np.arange(20), resamples).value < 0.2
    assert rank_agreement("rank", values, resamples).value == pytest.approx(1.0)


def test_a_resample_is_ranked_anew() -> None:
    rng = np.random.default_rng(2)
    values = rng.random((15, 2)).round(1)
    resamples = Resamples.draw(15, 3, 60)
    found = rank_agreement("rank", values, resamples)
    again = [
        rank_agreement("rank", np.repeat(values, counts.astype(int), axis=0), Resamples.draw(15, 0, 2)).value
        for counts in resamples.counts
    ]
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(again, [2.5, 97.5])))


def test_equal_scorings_agree_and_never_flip() -> None:
    rng = np.random.default_rng(0)
    found = same_responses("u", np.tile(rng.random(40), (3, 1)), np.repeat(np.arange(10), 4), seed=0)
    assert [found.metric(name).value for name in ("icc", "rank")] == pytest.approx([1.0, 1.0])
    assert found.metric("chosen_flips").value == found.metric("rejected_flips").value == 0.0
    assert found.repeats == 3


def test_flips_by_hand_and_a_flip_to_the_same_text_is_none() -> None:
    scores = np.array(
        [
            [0.1, 0.2, 0.9, 0.1, 0.5, 0.5],
            [0.2, 0.1, 0.9, 0.1, 0.5, 0.5],
            [0.1, 0.2, 0.15, 0.1, 0.5, NAN],
        ]
    )
    questions = np.array([0, 0, 0, 1, 1, 1])
    found = same_responses("u", scores, questions, seed=0)
    # Question 0: chosen 0 1 0 → 2 of 3 pairs flip, rejected 2 2 1 → 2 of 3; question 1: 3 over 4 always.
    assert found.metric("chosen_flips").value == pytest.approx((2 / 3 + 0) / 2)
    assert found.metric("rejected_flips").value == pytest.approx((2 / 3 + 0) / 2)
    assert found.metric("icc").n == 5
    texts = ["same", "same", "else", "a", "b", "c"]
    assert same_responses("u", scores, questions, texts, seed=0).metric("chosen_flips").value == 0.0


def test_more_noise_flips_more() -> None:
    rng = np.random.default_rng(0)
    truth, questions = rng.random(800), np.repeat(np.arange(100), 8)
    flips = [
        same_responses("u", truth + noise * rng.normal(size=(4, 800)), questions, seed=0)
        .metric("chosen_flips")
        .value
        for noise in (0.01, 0.1, 1.0)
    ]
    assert flips[0] < 0.2 < flips[1] < flips[2]
    assert flips[2] == pytest.approx(7 / 8, abs=0.1)


def test_fresh_responses_compare_means_and_answers() -> None:
    questions = np.array([0, 0, 1, 1])
    one = FreshScores(questions, np.array([0.1, 0.3, 0.6, 0.8]), ["Paris", "Lyon", "12", "13"])
    other = FreshScores(questions, np.array([0.2, 0.4, 0.9, 0.7]), ["paris.", "Nice", "14", "twelve"])
    found = fresh_responses("u", [one, other], seed=0)
    # Chosen: Paris and paris, 12 and twelve. Rejected: Lyon and Nice, 13 and 14.
    assert found.metric("chosen_flips").value == 0.0
    assert found.metric("rejected_flips").value == 1.0
    assert found.metric("rank").value == pytest.approx(1.0)
    assert found.metric("icc").n == 2


def test_an_answer_in_other_words_is_no_flip() -> None:
    questions = np.array([0, 1, 2, 3])
    scores = np.full(4, 0.1)
    first = FreshScores(questions, scores, ["equals 9", "bed", "type sweet potato", "🙂"])
    # Contained; contained; none of the shorter; a sign that is not the same.
    other = FreshScores(questions, scores, ["9", "type often referred bed", "type carrot onion", "👍"])
    pairs = [_with_rejected(one) for one in (first, other)]
    found = fresh_responses("u", pairs, seed=0)
    assert found.metric("chosen_flips").value == pytest.approx(2 / 4)
    assert found.metric("rejected_flips").value == 0.0


def _with_rejected(one: FreshScores) -> FreshScores:
    """Give every question a rejected response, too: always "junk"."""
    return FreshScores(
        np.concatenate([one.questions, one.questions]),
        np.concatenate([one.scores, one.scores + 0.5]),
        [*one.answers, *["junk"] * len(one.answers)],
    )


def test_repeats_that_do_not_compare_are_refused() -> None:
    one = FreshScores(np.array([0]), np.array([0.1]), ["a"])
    with pytest.raises(ValueError, match="repeat 2 has other questions"):
        fresh_responses("u", [one, FreshScores(np.array([1]), np.array([0.1]), ["a"])], seed=0)
    with pytest.raises(ValueError, match="at least 2 repeats, not 1"):
        fresh_responses("u", [one], seed=0)
    with pytest.raises(ValueError, match="one length"):
        FreshScores(np.array([0]), np.array([0.1, 0.2]), ["a"])
