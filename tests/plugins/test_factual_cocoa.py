from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plugins.groups import ODD_TEXTS, RESOURCES, group, response
from udasa_core import Abstain, Group
from udasa_plugin_factual.cocoa import CoCoA


def _score(one: Group) -> tuple[float | Abstain, ...]:
    return CoCoA(CoCoA.Options(), "cocoa", RESOURCES).udasa_score([one], seed=0).scores[0]


def test_formula_by_hand() -> None:
    # "x y" and "x z" share one of two words each: cosine ½. "v" shares none.
    one = group(response("x y", [-0.2, -0.4]), response("x z", [-1.0]), response("v", [-2.0, -4.0]))
    embedded = RESOURCES.embedder().embed(["x y", "x z", "v"])
    assert embedded @ embedded.T == pytest.approx(np.array([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]))
    assert _score(one) == pytest.approx(
        (1 - math.exp(-0.3 * 0.75), 1 - math.exp(-1.0 * 0.75), 1 - math.exp(-3.0 * 1.0))
    )


def test_zero_where_the_model_is_sure_or_all_agree() -> None:
    sure = _score(group(response("a", [0.0]), response("b", [-3.0])))
    assert sure == pytest.approx((0.0, 1 - math.exp(-3.0)))
    agreed = _score(group(response("same", [-1.0]), response("same", [-9.0])))
    assert agreed == pytest.approx((0.0, 0.0), abs=1e-5)


def test_order_is_that_of_the_published_product() -> None:
    rows = [[-0.1], [-0.7, -0.2], [-2.0], [-5.0, -1.0, -1.0]]
    words = ["a b", "a c", "a b c", "d"]
    embedded = RESOURCES.embedder().embed(words).astype(float)
    dissimilarity = (1 - np.clip(embedded @ embedded.T, 0, 1)).sum(axis=1) / 3
    product = np.array([-np.mean(row) for row in rows]) * dissimilarity
    scores = _score(group(*(response(word, row) for word, row in zip(words, rows, strict=True))))
    assert np.argsort(product).tolist() == np.argsort(np.array(scores)).tolist()


def test_the_final_answer_may_be_compared() -> None:
    one = group(
        response("The capital of France is Paris.", [-1.0]),
        response("Paris", [-2.0]),
        question="What is the capital of France?",
    )
    assert _score(one)[1] == pytest.approx(1 - math.exp(-2.0))
    by_answer = CoCoA(CoCoA.Options(on="answer"), "cocoa", RESOURCES).udasa_score([one], seed=0).scores[0]
    assert by_answer == pytest.approx((0.0, 0.0))


def test_a_single_response_abstains() -> None:
    (only,) = _score(group(response("alone")))
    assert isinstance(only, Abstain)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=20)), st.floats(-50.0, 0.0)),
        min_size=2,
        max_size=8,
    )
)
def test_scores_are_bounded_and_reverse_with_their_responses(rows: list[tuple[str, float]]) -> None:
    responses = [response(text, [logprob]) for text, logprob in rows]
    plain = _score(group(*responses))
    assert all(isinstance(score, float) and 0.0 <= score <= 1.0 for score in plain)
    assert _score(group(*responses[::-1])) == pytest.approx(plain[::-1], abs=1e-9)
