"""Repeated grades: medians, spreads, and what could not be parsed."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pytest

from tests.eval.suites.judging import PlannedJudge
from udasa_core import Grade, Message, Prompt, Resamples, UdasaError
from udasa_eval.judges.repeats import (
    Judgements,
    check_unparsed,
    judged,
    own_grade,
    spread_metrics,
    unparsed_metric,
)
from udasa_eval.judges.yes_no import parse_yes_no

PROMPTS = [Prompt(name, (Message("user", name),)) for name in ("a", "b", "c")]
GRADES = {
    ("a", 5): "[[4]]",
    ("a", 6): "[[8]]",
    ("a", 7): "[[9]]",
    ("b", 5): "[[7]]",
    ("b", 6): "no grade",
    ("b", 7): "[[5]]",
    ("c", 5): "[[12]]",
    ("c", 6): "",
    ("c", 7): "nothing",
}


def test_medians_are_of_what_parses_and_nothing_is_zero() -> None:
    judge = PlannedJudge(lambda prompt, seed: GRADES[prompt.id, seed])
    found = judged(judge, PROMPTS, 5, 3, own_grade)
    assert found.seeds == (5, 6, 7)
    assert found.medians.tolist()[:2] == [8.0, 6.0]
    assert np.isnan(found.medians[2])
    assert found.unparsed == 4
    assert found.raws[1] == ("[[7]]", "no grade", "[[5]]")
    # Another repeat asks with the same seeds first: what is kept is not asked again.
    assert judged(judge, PROMPTS, 5, 2, own_grade).seeds == (5, 6)
    assert judged(judge, [], 2**32 - 1, 2, own_grade).seeds == (2**32 - 1, 0)


def test_too_many_lost_fail_with_the_count_and_the_first_text() -> None:
    judge = PlannedJudge(lambda prompt, seed: GRADES[prompt.id, seed])
    found = judged(judge, PROMPTS, 5, 3, own_grade)
    with pytest.raises(UdasaError, match=r"suite 'mine': 4 of 9 judgements contain no rating; .* 'no grade'"):
        check_unparsed("mine", found, 0.4, "rating")


def test_some_lost_are_a_warning_and_none_lost_is_none(caplog: pytest.LogCaptureFixture) -> None:
    judge = PlannedJudge(lambda prompt, seed: GRADES[prompt.id, seed])
    with caplog.at_level(logging.WARNING, logger="udasa"):
        check_unparsed("mine", judged(judge, PROMPTS[:1], 5, 3, own_grade), 0.0, "rating")
        assert not caplog.records
        check_unparsed("mine", judged(judge, PROMPTS, 5, 3, own_grade), 4 / 9, "rating")
    assert "4 of 9 judgements contain no rating" in caplog.text


def test_unparsed_is_a_share_of_judgements_clustered_by_item() -> None:
    values = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, 4.0]])
    found = Judgements(values, (("", ""),) * 3, (0, 1))
    metric = unparsed_metric(found, np.array([0, 0, 1]), Resamples.draw(2, 0))
    assert (metric.name, metric.value, metric.n) == ("unparsed", 0.5, 6)
    # One question lost 3 of 4, the other none.
    assert (metric.low, metric.high) == (0.0, 0.75)


def test_spreads_by_hand() -> None:
    """Items [4, 8, 9] and [7, –, 5]: deviations √7 and √2. Means of repeats 5.5, 8 and 7."""
    values = np.array([[4.0, 8.0, 9.0], [7.0, np.nan, 5.0]])
    within, between = spread_metrics(values, np.array([0, 1]), Resamples.draw(2, 0), "score")
    assert (within.name, between.name) == ("judge_spread", "score_spread")
    assert within.value == pytest.approx((np.sqrt(7) + np.sqrt(2)) / 2)
    assert between.value == pytest.approx(np.std([5.5, 8.0, 7.0], ddof=1))
    assert within.low <= within.value <= within.high
    assert between.low <= between.value <= between.high


def test_one_repeat_has_no_spread_and_a_steady_judge_has_none() -> None:
    assert spread_metrics(np.array([[4.0], [5.0]]), np.array([0, 1]), Resamples.draw(2, 0), "score") == []
    same = spread_metrics(np.array([[4.0, 4.0], [5.0, 5.0]]), np.array([0, 1]), Resamples.draw(2, 0), "score")
    assert [one.value for one in same] == [0.0, 0.0]


def test_nothing_is_read_into_what_is_no_answer() -> None:
    # A proxy's "no" is no judgement.
    class Silent:
        model = ""

        def __call__(self, prompts: Sequence[Prompt], seed: int) -> list[Grade]:
            return [Grade(None, "no, upstream is not healthy", answered=False) for _ in prompts]

    found = judged(Silent(), PROMPTS, 5, 1, lambda grade: parse_yes_no(grade.raw))
    assert found.unparsed == 3
    assert parse_yes_no("no, upstream is not healthy") is False
