from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.fakes import FakeResources
from tests.plugins.groups import RESOURCES, group, response
from udasa_core import Abstain
from udasa_plugin_factual.selfcheck_embedder import SelfCheckEmbedder

VECTORS = {
    "It is big.": (1.0, 0.0, 0.0),
    "It is red.": (0.0, 1.0, 0.0),
    "It is large.": (0.8, 0.6, 0.0),
    "It is small.": (-0.6, 0.0, 0.8),
    "": (0.0, 0.0, 1.0),
}


class _ByHand(FakeResources):
    def __init__(self) -> None:
        super().__init__(RESOURCES.base)
        self.calls: list[list[str]] = []

    def embedder(self) -> _ByHand:  # type: ignore[override]  # itself
        return self

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.calls.append(list(texts))
        return np.array([VECTORS[text] for text in texts], dtype=np.float32)


def test_formula_by_hand() -> None:
    one = group(*map(response, ("It is big. It is red.", "It is large.", "It is small.")))
    resources = _ByHand()
    scores = SelfCheckEmbedder(SelfCheckEmbedder.Options(), "s", resources).udasa_score([one], 0).scores[0]
    # "big": large 0.8, small −0.6 → 0; "red": large 0.6, small 0.
    big, red = (0.2 + 1.0) / 2, (0.4 + 1.0) / 2
    # "large": the nearest of the first response is "big", 0.8; small −0.48 → 0. "small" is like none.
    assert scores == pytest.approx(((big + red) / 2, (0.2 + 1.0) / 2, 1.0), abs=1e-6)
    worst = SelfCheckEmbedder(SelfCheckEmbedder.Options(over="max"), "s", resources)
    assert worst.udasa_score([one], 0).scores[0][0] == pytest.approx(red, abs=1e-6)


def test_each_distinct_sentence_is_embedded_once_in_one_call_for_the_shard() -> None:
    resources = _ByHand()
    groups = [
        group(*map(response, ("It is big. It is red.", "It is big.", "It is big.")), prompt_id="p0"),
        group(*map(response, ("It is small. It is red.", "It is red.")), prompt_id="p1"),
        group(response("Nobody reads this."), prompt_id="p2"),
    ]
    columns = SelfCheckEmbedder(SelfCheckEmbedder.Options(), "s", resources).udasa_score(groups, 0).scores
    assert [sorted(call) for call in resources.calls] == [["It is big.", "It is red.", "It is small."]]
    assert columns[0] == pytest.approx((0.5, 0.0, 0.0), abs=1e-6)
    assert isinstance(columns[2][0], Abstain)


def test_a_response_without_a_sentence_abstains_but_counts_among_the_others() -> None:
    one = group(*map(response, ("It is big.", "", "It is big.")))
    big, empty, again = (
        SelfCheckEmbedder(SelfCheckEmbedder.Options(), "s", _ByHand()).udasa_score([one], 0).scores[0]
    )
    assert isinstance(empty, Abstain)
    assert big == again == pytest.approx(0.5)


def test_what_every_other_response_says_too_scores_zero_exactly() -> None:
    one = group(*map(response, ("It is very big. So red.", "So red. It is very big.")))
    assert SelfCheckEmbedder(SelfCheckEmbedder.Options(), "s", RESOURCES).udasa_score([one], 0).scores[0] == (
        0.0,
        0.0,
    )
