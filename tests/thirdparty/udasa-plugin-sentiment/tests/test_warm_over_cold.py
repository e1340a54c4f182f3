"""The pairing strategy keeps the contract, and pairs what it says."""

from __future__ import annotations

import pytest
from udasa_plugin_sentiment.warm_over_cold import WarmOverCold

from udasa_core import Group, Message, Prompt, Scores
from udasa_core.testing import check_factory, check_pairing, sample_response


def _group(*texts: str) -> Group:
    prompt = Prompt("one", (Message("user", "Well?"),))
    return Group(prompt, (1,), tuple(map(sample_response, texts)), "planted")


def test_it_keeps_the_contract() -> None:
    check_factory("pairing", WarmOverCold)
    check_pairing(WarmOverCold)


def test_the_most_certain_warm_response_is_chosen() -> None:
    group = _group("Good.", "A great idea!", "Awful.", "Bad.", "It rains.")
    scores = Scores("one", (0.5, 0.2, 0.6, 0.9, 0.0), {}, {})
    (pair,) = check_pairing(WarmOverCold, groups=[group], scores=[scores]).pairs
    assert (pair.chosen.text, pair.rejected.text) == ("A great idea!", "Bad.")
    assert pair.gap == pytest.approx(0.9 - 0.2)


@pytest.mark.parametrize(
    ("texts", "U", "reason"),
    [
        (("Good.", "It rains."), (0.1, 0.9), "no cold response"),
        (("Awful.", "It rains."), (0.1, 0.9), "no warm response"),
        (("Good.", "Awful."), (0.9, 0.1), "the warm response is no more certain than the cold one"),
    ],
)
def test_what_gives_no_pair_is_told(texts: tuple[str, ...], U: tuple[float, ...], reason: str) -> None:
    pairing = check_pairing(WarmOverCold, groups=[_group(*texts)], scores=[Scores("one", U, {}, {})])
    assert [one.reason for one in pairing.unpaired] == [reason]
