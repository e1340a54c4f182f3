from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from tests.fakes import FakeResources
from tests.plugins.groups import RESOURCES, group, response
from udasa_core import Abstain
from udasa_plugin_factual.selfcheck import SelfCheck


class _ByHand(FakeResources):
    """Contradiction, neutral and entailment by (premise, hypothesis); remembers its calls."""

    def __init__(self, planned: Mapping[tuple[str, str], tuple[float, float, float]]) -> None:
        super().__init__(RESOURCES.base)
        self.by_pair = planned
        self.calls: list[list[tuple[str, str]]] = []

    def entailment(self) -> _ByHand:  # type: ignore[override]  # itself
        return self

    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        self.calls.append(list(pairs))
        return np.array([self.by_pair[pair] for pair in pairs])


A, B, C = "It is big. It is red.", "It is big.", "It is small."
PLANNED = {
    (B, "It is big."): (0.0, 0.1, 0.9),
    (B, "It is red."): (0.1, 0.8, 0.1),
    (C, "It is big."): (0.6, 0.2, 0.2),
    (C, "It is red."): (0.1, 0.7, 0.2),
    (A, "It is big."): (0.2, 0.0, 0.8),
    (A, "It is small."): (0.9, 0.0, 0.1),
    (B, "It is small."): (0.0, 1.0, 0.0),
}


def test_formula_by_hand() -> None:
    resources = _ByHand(PLANNED)
    column = SelfCheck(SelfCheck.Options(), "selfcheck", resources).udasa_score(
        [group(*map(response, (A, B, C)))], 0
    )
    # A: "big" against B 0, against C 0.6/0.8; "red" against B 0.5, against C 0.1/0.3.
    big, red = (0 + 0.75) / 2, (0.5 + 1 / 3) / 2
    # C: "small" against A 0.9; B knows nothing of it: ½.
    assert column.scores[0] == pytest.approx(((big + red) / 2, (0.2 + 0.75) / 2, (0.9 + 0.5) / 2))
    worst = SelfCheck(SelfCheck.Options(over="max"), "selfcheck", resources)
    assert worst.udasa_score([group(*map(response, (A, B, C)))], 0).scores[0][0] == pytest.approx(
        max(big, red)
    )


def test_each_distinct_pair_is_read_once_in_one_call_for_the_shard() -> None:
    resources = _ByHand({**PLANNED, (B, "It is big."): (0.0, 0.1, 0.9)})
    groups = [group(*map(response, (A, B, C))), group(*map(response, (A, B, B, C)), prompt_id="p1")]
    SelfCheck(SelfCheck.Options(), "selfcheck", resources).udasa_score(groups, seed=0)
    (call,) = resources.calls
    assert len(call) == len(set(call)) == len(PLANNED)


def test_equal_responses_count_once_each() -> None:
    resources = _ByHand(PLANNED)
    one = group(*map(response, (A, B, B, C)))
    scores = SelfCheck(SelfCheck.Options(), "selfcheck", resources).udasa_score([one], 0).scores[0]
    big, red = (0 + 0 + 0.75) / 3, (0.5 + 0.5 + 1 / 3) / 3
    assert scores[0] == pytest.approx((big + red) / 2)
    assert scores[1] == scores[2]


def test_what_cannot_be_checked_abstains() -> None:
    selfcheck = SelfCheck(SelfCheck.Options(), "selfcheck", RESOURCES)
    empty, emoji, word, again = selfcheck.udasa_score(
        [group(*map(response, ("", "🙂", "yes", "yes")))], 0
    ).scores[0]
    assert isinstance(empty, Abstain)
    assert isinstance(emoji, Abstain)
    assert "no sentence" in emoji.reason
    assert isinstance(word, float)
    assert word == again
    (alone,) = selfcheck.udasa_score([group(response("yes"))], 0).scores[0]
    assert isinstance(alone, Abstain)
    assert "one response" in alone.reason


def test_a_contradicted_response_scores_higher() -> None:
    selfcheck = SelfCheck(SelfCheck.Options(), "selfcheck", RESOURCES)
    texts = ("it is red", "it is red", "it is not red")
    scores = selfcheck.udasa_score([group(*map(response, texts))], 0).scores[0]
    assert scores == pytest.approx(((1 / 9 + 8 / 9) / 2, (1 / 9 + 8 / 9) / 2, 8 / 9))
