from __future__ import annotations

import math

import pytest

from tests.plugins.groups import RESOURCES, group, response
from udasa_core import Response, Score
from udasa_plugin_factual.max_token import MaxToken


def _score(*responses: Response) -> tuple[Score, ...]:
    return MaxToken(MaxToken.Options(), "max", RESOURCES).udasa_score([group(*responses)], seed=0).scores[0]


def test_is_one_minus_the_least_probability() -> None:
    scores = _score(
        response("x", [math.log(0.5), math.log(0.125), math.log(0.9)]), response("y", [math.log(0.7)])
    )
    assert scores == pytest.approx((0.875, 0.3))


def test_both_ends_of_the_range_even_with_rounding_above_it() -> None:
    assert _score(response("a", [0.0, 5e-5]), response("b", [0.0, -1e4])) == (0.0, 1.0)
