"""What strategies without a gap share: which U a side has."""

from __future__ import annotations

from tests.plugins.groups import group, response, scores
from udasa_core import Abstain, Pair
from udasa_plugin_pairing.ungapped import UngappedGuards


def test_a_side_has_the_u_of_its_tokens() -> None:
    twice = group(response("a"), response("a"), response("b"))
    guards = UngappedGuards()

    def us(*given: float | Abstain, chosen: int = 0) -> tuple[float | None, float | None] | str:
        made = guards.pair(twice, scores(*given), twice.responses[chosen], response("b"), "x")
        return (made.chosen_U, made.rejected_U) if isinstance(made, Pair) else made

    assert us(0.1, 0.2, 0.3) == (0.1, 0.3)
    assert us(0.1, 0.2, 0.3, chosen=1) == (0.2, 0.3)
    assert us(0.1, 0.2, Abstain("x")) == "a side has no score"
    new = guards.pair(twice, scores(0.1, 0.2, 0.3), response("new"), response("b"), "x", weight=0.5)
    assert isinstance(new, Pair)
    assert (new.chosen_U, new.rejected_U, new.gap, new.weight) == (None, 0.3, None, 0.5)
