from __future__ import annotations

import math

import pytest

from udasa_eval.choices.multiple_choice import mc1, mc2

# Probabilities .5, .3 and .1 of three choices.
LOGPROBS = [math.log(0.5), math.log(0.3), math.log(0.1)]


def test_mc1_by_hand() -> None:
    assert mc1(LOGPROBS, [1, 0, 0]) == 1.0
    assert mc1(LOGPROBS, [0, 1, 0]) == 0.0
    # Of equals the first counts, as with numpy's argmax.
    assert mc1([-1.0, -1.0], [True, False]) == 1.0
    assert mc1([-1.0, -1.0], [False, True]) == 0.0


def test_mc2_by_hand() -> None:
    assert mc2(LOGPROBS, [1, 0, 1]) == pytest.approx(0.6 / 0.9)
    assert mc2(LOGPROBS, [0, 1, 0]) == pytest.approx(0.3 / 0.9)


def test_mc2_of_answers_so_long_that_their_probabilities_vanish() -> None:
    assert mc2([one - 5000.0 for one in LOGPROBS], [1, 0, 1]) == pytest.approx(0.6 / 0.9)


@pytest.mark.parametrize(
    ("logprobs", "labels", "told"),
    [
        ([-1.0], [1, 0], "1 log-probabilities for 2 labels"),
        ([], [], "0 log-probabilities"),
        ([-1.0, -2.0], [1, 2], "labels must be 0"),
        ([-1.0, math.nan], [1, 0], "not finite"),
    ],
)
def test_what_does_not_fit_is_refused(logprobs: list[float], labels: list[int], told: str) -> None:
    for figure in (mc1, mc2):
        with pytest.raises(ValueError, match=told):
            figure(logprobs, labels)


def test_the_metrics_of_the_evaluate_library() -> None:
    from udasa_eval.metrics.multiple_choice import MC1, MC2

    predictions = [LOGPROBS, [-2.0, -1.0]]
    assert MC1().compute(predictions=predictions, references=[[1, 0, 0], [1, 0]]) == {"mc1": 0.5}
    found = MC2().compute(predictions=predictions, references=[[1, 0, 1], [1, 0]])
    assert found == {"mc2": pytest.approx((0.6 / 0.9 + 1 / (1 + math.e)) / 2)}
    with pytest.raises(ValueError, match="2 log-probabilities for 3 labels"):
        MC1().compute(predictions=[[-1.0, -2.0]], references=[[1, 0, 0]])
