from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.fakes import FakeResources
from tests.plugins.groups import RESOURCES, group, response
from udasa_core import Message
from udasa_plugin_factual.p_true import PTrue


class _Reader(FakeResources):
    """p(yes) to each of the two questions, by the response's text; remembers what it was asked."""

    def __init__(self, planned: dict[str, tuple[float, float]]) -> None:
        super().__init__(RESOURCES.base)
        self.by_text = planned
        self.asked: list[tuple[Message, ...]] = []
        self.questions: set[str] = set()

    def reader(self) -> _Reader:  # type: ignore[override]  # itself
        return self

    def yes_probabilities(
        self, conversations: Sequence[Sequence[Message]], questions: Sequence[str]
    ) -> np.ndarray:
        self.asked += map(tuple, conversations)
        self.questions |= set(questions)
        assert ["correct" in question for question in questions] == [True, False]
        return np.array([self.by_text[conversation[-1].content] for conversation in conversations])


def test_formula_by_hand() -> None:
    reader = _Reader({"Paris": (0.9, 0.2), "Lyon": (0.4, 0.7), "": (1.0, 0.0), "No.": (0.0, 1.0)})
    groups = [
        group(response("Paris"), response("Lyon")),
        group(response(""), response("No."), prompt_id="p1"),
    ]
    assert PTrue(PTrue.Options(), "p-true", reader).udasa_score(groups, seed=0).scores == (
        pytest.approx((1 - (0.9 + 0.8) / 2, 1 - (0.4 + 0.3) / 2)),
        (0.0, 1.0),
    )
    assert reader.asked[0] == (Message("user", "Why?"), Message("assistant", "Paris"))


def test_a_reader_that_says_yes_to_anything_gives_a_half() -> None:
    one = group(response("kind words"), response("harm"), response("other"))
    assert PTrue(PTrue.Options(), "p-true", RESOURCES).udasa_score([one], seed=0).scores[0] == pytest.approx(
        (0.5,) * 3
    )


def test_equal_responses_to_one_prompt_are_read_once() -> None:
    reader = _Reader({"Paris": (0.9, 0.2), "Lyon": (0.4, 0.7)})
    one = group(response("Paris"), response("Lyon"), response("Paris"))
    other = group(response("Paris"), response("Lyon"), question="Where?", prompt_id="p1")
    PTrue(PTrue.Options(), "p-true", reader).udasa_score([one, other], seed=0)
    assert len(reader.asked) == len(set(reader.asked)) == 4


def test_progress_is_told() -> None:
    resources = FakeResources(RESOURCES.base)
    PTrue(PTrue.Options(), "p-true", resources).udasa_score(
        [group(response("a"), response("b"))] * 10, seed=0
    )
    assert resources.told == [("p-true", 8), ("p-true", 2)]
