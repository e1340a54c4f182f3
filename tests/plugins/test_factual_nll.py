from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plugins.groups import RESOURCES, group, response
from udasa_core import Response
from udasa_plugin_factual.nll import NegativeLogLikelihood


def _score(*responses: Response) -> tuple[float, ...]:
    nll = NegativeLogLikelihood(NegativeLogLikelihood.Options(), "nll", RESOURCES)
    return nll.udasa_score([group(*responses)], seed=0).scores[0]  # type: ignore[return-value]  # never abstains


def test_is_one_minus_the_geometric_mean_probability() -> None:
    # √(0.5 · 0.125) = 0.25
    assert _score(response("x", [math.log(0.5), math.log(0.125)])) == pytest.approx((0.75,))


def test_length_does_not_count_but_likelihood_does() -> None:
    short, long, unlikely = _score(
        response("a", [-1.0]), response("b", [-1.0] * 500), response("c", [-1.5] * 3)
    )
    assert short == pytest.approx(long)
    assert unlikely > short


def test_certain_tokens_score_zero_even_with_rounding_above_it() -> None:
    assert _score(response("a", [0.0, 0.0]), response("b", [5e-5])) == (0.0, 0.0)


@given(st.lists(st.lists(st.floats(-1e4, 0.0), min_size=1, max_size=20), min_size=1, max_size=8))
def test_bounded_for_any_log_probabilities(rows: list[list[float]]) -> None:
    assert all(0.0 <= score <= 1.0 for score in _score(*(response(str(i), r) for i, r in enumerate(rows))))
