"""The suite keeps the contract, `--limit` included, and measures what it says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from udasa_plugin_sentiment.warmth import Warmth

from udasa_core import Generator, Group, ModelRef, Prompt, SamplingOptions
from udasa_core.testing import FAKE_BASE, FakeResources, check_factory, check_suite, sample_response


class Answering(FakeResources):
    """Resources whose generator says planned texts, each in answer to the prompt of its number."""

    def __init__(self, *texts: str) -> None:
        super().__init__()
        self._texts = texts

    def generator(self) -> Generator:
        return self._say

    def _say(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        texts = self._texts[: len(prompts)]
        said = [sample_response(text) for text in texts]
        return [Group(prompt, (1,), (one,), policy.key) for prompt, one in zip(prompts, said, strict=True)]


@pytest.fixture
def options(tmp_path: Path) -> dict[str, str]:
    asked = tmp_path / "asked.jsonl"
    asked.write_text("".join(json.dumps({"prompt": f"Well, {name}?"}) + "\n" for name in "abcd"))
    return {"source": f"file:{asked}"}


def test_it_keeps_the_contract(options: dict[str, str]) -> None:
    check_factory("suite", Warmth, options)
    check_suite(Warmth, options, policy=FAKE_BASE)  # held to one question, too, as by `--limit 1`


def test_it_measures_warmth_where_there_is_a_tone(options: dict[str, str]) -> None:
    said = Answering("Good and kind.", "Awful!", "Good, good, bad.", "It rains.")
    report = check_suite(Warmth, options, policy=FAKE_BASE, resources=said)
    figures = {metric.name: metric for metric in report.metrics}
    # Sentiments are 1, −1 and 1/3; rain has none.
    assert figures["warmth"].value == pytest.approx((1 - 1 + 1 / 3) / 3)
    assert figures["warmth"].n == 3
    assert figures["toneless"].value == pytest.approx(1 / 4)
