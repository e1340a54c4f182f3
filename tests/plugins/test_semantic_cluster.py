from __future__ import annotations

import math

import numpy as np
import pytest

from tests.fakes import FakeResources
from tests.plugins.groups import RESOURCES, group, response
from udasa_core import Abstain, Resources, Score
from udasa_core.resources.similarity import EntailmentSimilarity
from udasa_core.testing.fakes import FakeEntailment
from udasa_plugin_semantic.cluster import Cluster


class _ByEntailment(FakeResources):
    def similarity(self) -> EntailmentSimilarity:
        return EntailmentSimilarity(FakeEntailment())


def _score(*texts: str, resources: Resources = RESOURCES, cosine: float = 0.85) -> tuple[Score, ...]:
    cluster = Cluster(Cluster.Options(cosine=cosine), "cluster", resources)
    return cluster.udasa_score([group(*map(response, texts))], seed=0).scores[0]


def test_formula_by_hand() -> None:
    half, whole = math.log(4 / 2) / math.log(4), 1.0
    assert _score("a", "a", "b", "c") == pytest.approx((half, half, whole, whole))
    assert _score("a", "a", "a") == (0.0, 0.0, 0.0)
    assert _score("a", "b", "c") == (1.0, 1.0, 1.0)


def test_the_mean_is_discrete_semantic_entropy() -> None:
    scores = _score("a", "b", "a", "c", "a", "b")
    shares = np.array([3, 2, 1]) / 6
    assert np.mean(np.array(scores)) * math.log(6) == pytest.approx(-np.sum(shares * np.log(shares)))


def test_a_chain_is_one_cluster_in_any_order() -> None:
    # Neighbours share one word of two: cosine ½. The ends share none.
    chain = ["a b", "b c", "c d", "d e", "e f"]
    words = RESOURCES.embedder().embed(chain)
    assert (words @ words.T >= 0.5 - 1e-6).sum() == 5 + 2 * 4
    loose = np.nextafter(0.5, 0) - 1e-6
    for order in ([0, 1, 2, 3, 4], [0, 4, 2, 1, 3], [4, 2, 0, 3, 1]):
        assert _score(*(chain[index] for index in order), "x", cosine=loose) == pytest.approx(
            (math.log(6 / 5) / math.log(6),) * 5 + (1.0,)
        )
    assert _score(*chain, cosine=0.6) == (1.0,) * 5


def test_with_an_entailment_model_both_directions_must_entail() -> None:
    # "it is paris" entails "paris", not the reverse; "is it paris" has the same words.
    scores = _score("it is paris", "is it paris", "paris", resources=_ByEntailment())
    assert scores == pytest.approx((math.log(3 / 2) / math.log(3),) * 2 + (1.0,))


def test_a_single_response_abstains() -> None:
    (only,) = _score("alone")
    assert isinstance(only, Abstain)
