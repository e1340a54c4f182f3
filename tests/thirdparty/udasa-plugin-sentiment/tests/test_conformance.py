"""The plugin's own tests: the conformance kit first, then what the plugin promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from udasa_plugin_sentiment.journal import Journal
from udasa_plugin_sentiment.lexicon import Lexicon

from udasa_core import Abstain, Group, Message, Prompt
from udasa_core.testing import (
    check_dimension,
    check_factory,
    check_observer,
    sample_response,
)


def test_the_dimension_keeps_the_contract() -> None:
    check_factory("dimension", Lexicon)
    check_dimension(Lexicon)


def test_the_observer_keeps_the_contract(tmp_path: Path) -> None:
    options = {"path": str(tmp_path / "journal.jsonl")}
    check_factory("observer", Journal, options)
    check_observer(Journal, options)
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert {line["what"] for line in lines} == {"started", "finished"}


def test_a_response_that_feels_otherwise_is_uncertain() -> None:
    texts = ("Good and kind.", "A great idea!", "Awful.", "It rains.")
    group = Group(
        Prompt("one", (Message("user", "Well?"),)), (1,), tuple(map(sample_response, texts)), "planted"
    )
    scores = check_dimension(Lexicon, groups=[group]).scores[0]
    # Sentiments are 1, 1 and −1: |1 − 0| / 2, |1 − 0| / 2, |−1 − 1| / 2; rain has none.
    assert scores[:3] == pytest.approx((0.5, 0.5, 1.0))
    assert scores[3] == Abstain("the response has no word of either list")
