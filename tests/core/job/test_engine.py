"""The local engine: shards in turn, each told of once it is made; an error ends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from udasa_core.job import engine
from udasa_core.job.engine import LocalEngine
from udasa_core.testing import FakeResources, check_factory
from udasa_core.testing.factory import build

PAYLOADS = [{"output": name} for name in ("a", "b", "c")]


def test_each_payload_is_worked_on_before_it_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(engine, "work", lambda payload: done.append(payload["output"]))
    check_factory("engine", LocalEngine)
    told = build("engine", LocalEngine, resources=FakeResources()).call(
        "udasa_map", step="score", payloads=PAYLOADS
    )
    assert done == []
    assert [(number, list(done)) for number in told] == [(0, ["a"]), (1, ["a", "b"]), (2, ["a", "b", "c"])]


def test_a_payload_that_raises_ends_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(payload: Mapping[str, Any]) -> None:
        if payload["output"] == "b":
            raise OSError("no space left")

    monkeypatch.setattr(engine, "work", work)
    told = build("engine", LocalEngine).call("udasa_map", step="score", payloads=PAYLOADS)
    assert next(told) == 0
    with pytest.raises(OSError, match="no space left"):
        next(told)
    assert list(told) == []
