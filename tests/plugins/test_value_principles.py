from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.fakes import FakeResources
from tests.plugins.groups import ODD_TEXTS, RESOURCES, group, response
from udasa_core import Message
from udasa_plugin_value.principles import Principles


class _Reader:
    """Answers planned by (last message, question); remembers the conversations."""

    def __init__(self, planned: dict[tuple[str, str], float]) -> None:
        self.planned = planned
        self.seen: list[tuple[Message, ...]] = []

    def yes_probabilities(
        self, conversations: Sequence[Sequence[Message]], questions: Sequence[str]
    ) -> np.ndarray:
        self.seen.extend(tuple(conversation) for conversation in conversations)
        return np.array([[self.planned[c[-1].content, q] for q in questions] for c in conversations])


class _Resources(FakeResources):
    def __init__(self, reader: _Reader) -> None:
        super().__init__(RESOURCES.base)
        self._by_hand = reader

    def reader(self) -> _Reader:  # type: ignore[override]  # stands in for the fake one
        return self._by_hand


def test_formula_by_hand() -> None:
    planned = {("good", "q1"): 0.9, ("good", "q2"): 0.7, ("torn", "q1"): 1.0, ("torn", "q2"): 0.0}
    reader = _Reader(planned)
    options = Principles.Options(principles=["q1", "q2"], kappa=0.5)
    resources = _Resources(reader)
    column = Principles(options, "safety", resources).udasa_score(
        [group(response("good"), response("torn"))], seed=0
    )
    # mean .8, population std .1; mean .5, std .5
    assert column.scores[0] == pytest.approx((1 - (0.8 - 0.05), 1 - (0.5 - 0.25)))
    assert column.dimension == "safety"
    assert reader.seen[0] == (Message("user", "Why?"), Message("assistant", "good"))
    assert resources.told == [("safety", 1)]


def test_kappa_is_one_by_default_and_the_lower_bound_is_clipped() -> None:
    reader = _Reader({("torn", "q1"): 0.8, ("torn", "q2"): 0.0})
    options = Principles.Options(principles=["q1", "q2"])
    column = Principles(options, "v", _Resources(reader)).udasa_score([group(response("torn"))], seed=0)
    assert column.scores[0] == pytest.approx((1.0,))  # .4 − .4


def test_many_groups_stay_in_order() -> None:
    groups = [
        group(response("kind" if index % 3 else "harm"), response("neither"), prompt_id=str(index))
        for index in range(21)
    ]
    resources = FakeResources(RESOURCES.base)
    column = Principles(Principles.Options(principles=["Is it kind?"]), "v", resources).udasa_score(groups, 0)
    assert [row[0] for row in column.scores] == pytest.approx([0.1 if i % 3 else 0.9 for i in range(21)])
    assert sum(count for _, count in resources.told) == 21


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"principles": []}, "at least 1"),
        ({"principles": ["  "]}, "at least 1 character"),
        ({"principles": ["Is it kind?", " Is it kind? "]}, "stands twice"),
        ({"principles": ["q"], "kappa": -1}, "greater than or equal to 0"),
        ({"principles": ["q"], "kappa": float("nan")}, "finite"),
        ({}, "Field required"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Principles.Options.model_validate(options)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=20)), min_size=1, max_size=6))
def test_bounded_for_any_text(words: list[str]) -> None:
    principles = Principles(Principles.Options(principles=["a?", "b?"], kappa=3.0), "v", RESOURCES)
    scores = principles.udasa_score([group(*map(response, words))], seed=0).scores[0]
    assert all(isinstance(score, float) and 0.0 <= score <= 1.0 for score in scores)
