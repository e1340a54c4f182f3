"""How fast the base answers, measured by a few tokens; nothing is asked of a server."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.canned import Generator, calls, configuration
from udasa_core import Group, ModelRef, Prompt, SamplingOptions, UdasaError, hookimpl
from udasa_core.api import load
from udasa_core.running.conduct import running
from udasa_core.running.pace import pace


class Served(Generator):
    is_served = True


class Refusing(Generator):
    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        raise UdasaError("no chat template")


def paced(folder: Path, model: Path, use: str) -> float | None:
    generator: dict[str, Any] = {"use": use, "responses": 2}
    with running(load(configuration(folder, model, generator=generator))) as job:
        return pace(job)


def test_tokens_of_a_shard_by_the_seconds_that_they_take(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four prompts whose canned answer has 15 tokens ("answer 0 " and six digits), in two seconds."""
    before, seconds = calls["generate"], count(step=2)
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(seconds)))
    assert paced(tmp_path, tiny_model_dir, "tests.canned:Generator") == 4 * 15 / 2
    assert calls["generate"] - before == 2


def test_a_server_is_not_asked(tmp_path: Path, tiny_model_dir: Path) -> None:
    before = calls["generate"]
    assert paced(tmp_path, tiny_model_dir, "tests.core.running.test_pace:Served") is None
    assert calls["generate"] == before


def test_a_generator_that_fails_is_told_of_by_the_suite(tmp_path: Path, tiny_model_dir: Path) -> None:
    assert paced(tmp_path, tiny_model_dir, "tests.core.running.test_pace:Refusing") is None
