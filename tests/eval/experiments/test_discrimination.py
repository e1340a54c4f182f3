"""Pairs and their labels, the split by majority, and what the metrics rest on."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tests.eval.planted import labelled, planted
from udasa_core import Resamples
from udasa_eval.experiments.discrimination import discrimination
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.pairs import PairCounts, extremes

NAN = np.nan


def test_pairs_are_the_extremes_and_the_first_of_equals() -> None:
    u = np.array([0.2, 0.1, 0.1, 0.9, 0.9, 0.5, 0.5, NAN, 0.4, NAN])
    rows = [np.arange(5), np.array([5, 6]), np.array([7, 8]), np.array([9])]
    assert extremes(u, rows).tolist() == [[1, 3], [-1, -1], [-1, -1], [-1, -1]]
    texts = ["a", "same", "b", "same", "c", "d", "e", "f", "g", "h"]
    assert extremes(u, rows, texts)[0].tolist() == [-1, -1]


def test_every_kind_of_pair_is_counted_and_split_by_majority() -> None:
    #             right/wrong  both right  both wrong  inverted  right/wrong, majority wrong
    questions = [0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4]
    right = [1, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 0, 0]
    u = [0.1, 0.2, 0.9, 0.1, 0.2, 0.1, 0.2, 0.5, 0.9, 0.1, 0.1, 0.5, 0.6]
    answers = ["r", "r", "w", "r", "r", "w", "w", "r", "r", "w", "r", "w", "w"]
    scores = labelled(questions, right, {"u": u}, answers=answers)
    (found,) = discrimination(scores, Resamples.draw(5, 0))
    assert found.pairs == PairCounts(2, 1, 1, 1)
    assert found.pairs_majority_right == PairCounts(1, 1, 0, 1)
    assert found.pairs_majority_wrong == PairCounts(1, 0, 1, 0)
    assert found.metric("pair_accuracy").value == pytest.approx(2 / 3)
    assert found.metric("pair_accuracy").n == 3
    assert found.metric("pair_accuracy_majority_right").value == 0.5
    assert found.metric("inverted").value == pytest.approx(0.2)
    assert found.metric("inverted").n == 5
    # Question 0: 1; question 3: 0; question 4: 1.
    assert found.metric("within_auroc").value == pytest.approx(2 / 3)
    assert found.metric("within_auroc").n == 3
    assert found.metric("within_auroc_majority_wrong").value == 1.0


def test_abstentions_count_in_coverage_and_nowhere_else() -> None:
    scores = labelled([0, 0, 0, 1], [1, 0, 0, 1], {"u": [0.1, 0.9, NAN, NAN], "all": [NAN] * 4})
    found, none = discrimination(scores, Resamples.draw(2, 0))
    assert found.metric("coverage").value == 0.5
    assert found.metric("coverage").n == 4
    assert found.pairs == PairCounts(1, 0, 0, 0)
    assert none.metric("coverage").value == 0.0
    assert none.pairs.total == 0
    assert np.isnan(none.metric("within_auroc").value)
    assert np.isnan(none.metric("pair_accuracy").low)


def test_planted_truths_are_found() -> None:
    found = {one.column: one for one in discrimination(planted(), Resamples.draw(150, 0))}
    honest, noise = found["honest"].metric("within_auroc"), found["noise"].metric("within_auroc")
    assert honest.low > 0.8
    assert noise.low < 0.5 < noise.high
    assert honest.low < honest.value < honest.high
    assert found["honest"].metric("pair_accuracy").value > 0.95
    assert found["honest"].metric("prr").value > 0.6
    assert abs(found["noise"].metric("prr").value) < 0.1


@pytest.mark.slow
def test_a_full_experiment_takes_seconds() -> None:
    scores = planted(625)
    assert len(scores) == 5000
    many = {f"column {number}": scores.columns["honest"] for number in range(20)}
    wide = LabelledScores(
        scores.questions, scores.right, many, scores.tokens, scores.truncated, scores.refusal, scores.answers
    )
    start = time.process_time()
    discrimination(wide, Resamples.draw(625, 0))
    assert time.process_time() - start < 30  # 4 s on a free core
