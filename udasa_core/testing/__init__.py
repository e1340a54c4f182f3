"""The conformance kit: what the core asks of a plugin of each kind, as functions for a plugin's own tests.

    from udasa_core.testing import check_dimension, check_factory
    from udasa_plugin_sentiment.lexicon import Lexicon

    def test_lexicon_keeps_the_contract() -> None:
        check_factory("dimension", Lexicon)
        check_dimension(Lexicon)

Each check builds the factory through its options model, as a run does, gives it planted records (empty text,
one token, emoji, right-to-left and very long text, duplicates, a single response), puts what comes back
through the doors that a run has, and then asks for what a run relies on: the same answer to the same
question, whatever the order. A breach raises a PluginError or an AssertionError that says what was broken.

Engines and experiments have no check of their kind: what they run is the core's own work. `check_factory`
checks their options and attributes; `udasa_core.run_experiment` runs an experiment by its name.
"""

from __future__ import annotations

from udasa_core.testing.factory import Tested, check_factory
from udasa_core.testing.fakes import FAKE_BASE, FakeEmbedder, FakeReader, FakeResources
from udasa_core.testing.models import check_generator, check_trainer
from udasa_core.testing.observers import check_observer
from udasa_core.testing.pairs import check_pairing, check_stages
from udasa_core.testing.planted import (
    sample_groups,
    sample_pairs,
    sample_prompts,
    sample_response,
    sample_scores,
)
from udasa_core.testing.scores import check_aggregation, check_calibration, check_dimension
from udasa_core.testing.suites import check_judge, check_suite

__all__ = [
    "FAKE_BASE",
    "FakeEmbedder",
    "FakeReader",
    "FakeResources",
    "Tested",
    "check_aggregation",
    "check_calibration",
    "check_dimension",
    "check_factory",
    "check_generator",
    "check_judge",
    "check_observer",
    "check_pairing",
    "check_stages",
    "check_suite",
    "check_trainer",
    "sample_groups",
    "sample_pairs",
    "sample_prompts",
    "sample_response",
    "sample_scores",
]
