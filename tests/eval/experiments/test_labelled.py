"""Labelled scores check themselves and know their majorities."""

from __future__ import annotations

import numpy as np
import pytest

from tests.eval.planted import labelled


def test_responses_are_found_by_question_whatever_its_number_and_order() -> None:
    scores = labelled([7, 3, 7, 3, 100], [1, 0, 0, 1, 1], {})
    assert [list(rows) for rows in scores.by_question()] == [[1, 3], [0, 2], [4]]
    assert list(scores.question_index) == [1, 0, 1, 0, 2]


def test_the_majority_is_the_most_frequent_answer_by_its_words() -> None:
    scores = labelled(
        [0, 0, 0, 1, 1, 1, 2, 2],
        [1, 1, 0, 0, 0, 1, 0, 1],
        {},
        answers=["Paris", "paris.", "Lyon", "twelve", "12", "13", "first", "second"],
    )
    assert list(scores.majority_right()) == [True, False, False]  # of equals, the first


def test_empty_answers_do_not_vote_where_there_is_another() -> None:
    scores = labelled([0, 0, 0, 1], [0, 0, 1, 0], {}, answers=["", "", "Paris", ""])
    assert list(scores.majority_right()) == [True, False]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens": np.zeros(3, int)}, "tokens has 3 values for 2 responses"),
        ({"texts": ["one"]}, "texts has 1 values for 2 responses"),
        ({"refusal": np.zeros(2)}, "refusal holds float64, not bool"),
    ],
)
def test_a_wrong_shape_or_kind_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        labelled([0, 0], [0, 1], {}, **changes)


@pytest.mark.parametrize("beyond", [-0.1, 1.5, np.inf])
def test_an_uncertainty_outside_its_range_is_named(beyond: float) -> None:
    with pytest.raises(ValueError, match=r"column u has .* outside \[0, 1\]"):
        labelled([0, 0], [0, 1], {"u": [0.5, beyond]})
    labelled([0, 0], [0, 1], {"u": [0.5, np.nan]})
