"""Observers are told figures; the texts of a run only where their table asks for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

import udasa_core
from tests.canned import Canned, configuration
from tests.core.conftest import to_toml
from udasa_core import Event, hookimpl
from udasa_core.errors import ConfigError

HERE = "tests.core.job.test_observers:"


class Curious(Canned):
    """Keeps what it hears by its name."""

    heard: ClassVar[dict[str, list[Event]]] = {}

    @hookimpl
    def udasa_observe(self, event: Event) -> None:
        self.heard.setdefault(self.name, []).append(event)


def watched(tmp_path: Path, model: Path, *observers: dict[str, Any]) -> udasa_core.Run:
    Curious.heard.clear()
    tables = [{"use": f"{HERE}Curious", **one} for one in observers]
    return udasa_core.run(configuration(tmp_path, model, count=8, observer=tables))


def test_no_text_is_told_unasked(tmp_path: Path, tiny_model_dir: Path) -> None:
    run = watched(tmp_path, tiny_model_dir, {"name": "plain"}, {"name": "texts", "texts": 1})
    told = repr(Curious.heard["plain"])
    texts = {row["text"] for row in run.responses()}
    assert texts
    assert not [text for text in texts if text in told]
    assert "question" not in told
    assert {event.kind for event in Curious.heard["plain"]} >= {"run", "step", "stage"}


def test_as_many_as_are_asked_for_where_a_stage_starts(tmp_path: Path, tiny_model_dir: Path) -> None:
    run = watched(
        tmp_path, tiny_model_dir, {"name": "one", "texts": 1}, {"name": "all", "texts": 99}, {"name": "no"}
    )
    for stage in run.stages():
        pairs = [pair for label, pair in run.pairs() if label == stage.label]
        told = [
            {
                "prompt": [{"role": "user", "content": pair.prompt.messages[0].content}],
                "chosen": pair.chosen.text,
                "rejected": pair.rejected.text,
            }
            for pair in pairs
        ]
        for name, expected in (("one", told[:1]), ("all", told)):
            (started, finished) = [event for event in Curious.heard[name] if event.name == stage.label]
            assert started.detail["texts"] == expected
            assert "texts" not in finished.detail
    assert not any("texts" in event.detail for event in Curious.heard["no"])


def test_texts_are_an_observers_key_alone(tmp_path: Path, tiny_model_dir: Path) -> None:
    plain = configuration(tmp_path, tiny_model_dir, observer=[{"use": f"{HERE}Curious", "texts": -1}])
    (tmp_path / "udasa.toml").write_text(to_toml(plain))
    with pytest.raises(ConfigError, match=r"observer\..*\.texts: .*takes a number of 0 or more"):
        udasa_core.load(tmp_path / "udasa.toml")
    plain = configuration(tmp_path, tiny_model_dir, suite=[{"use": "tests.canned:Suite", "texts": 1}])
    with pytest.raises(ConfigError, match=r"texts: is not a known key"):
        udasa_core.load(plain)
