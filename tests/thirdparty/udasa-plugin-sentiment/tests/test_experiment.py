"""The experiment's own test: the conformance kit."""

from __future__ import annotations

from udasa_plugin_sentiment.spread import Spread

from udasa_core.testing import check_factory


def test_the_experiment_keeps_the_contract() -> None:
    check_factory("experiment", Spread, {"temperatures": [0.7]})
