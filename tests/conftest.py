"""Fixtures that every part of the suite shares."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.tiny import make_tiny_model, tiny_ref_of
from udasa_core import ModelRef

# How long an example takes says how busy the machine is.
settings.register_profile("udasa", deadline=None)
settings.load_profile("udasa")


@pytest.fixture(autouse=True, scope="session")
def unsynced() -> Iterator[None]:
    """Leave fsync out: what dies in a test is a process, not the machine, and a canned run would wait for the
    disk a third of its time. Runs that are processes of their own sync as ever."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="module")
def brief_canaries() -> Iterator[None]:
    """Canaries of a few tokens: a tiny model is known by less."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("udasa_core.models.canary._QUESTIONS", ("Why?", "What is the sun?"))
        patch.setattr("udasa_core.models.canary._LENGTH", 8)
        yield


@pytest.fixture(scope="session")
def tiny_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny chat model's folder; read it only."""
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="session")
def tiny_ref(tiny_model_dir: Path) -> ModelRef:
    """The tiny model's identity, float32 on the CPU."""
    return tiny_ref_of(tiny_model_dir)


@pytest.fixture(scope="session")
def thinking_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny chat model that thinks before it answers; read it only."""
    return make_tiny_model(tmp_path_factory.mktemp("thinking") / "model", thinks=True)


@pytest.fixture(scope="session")
def thinking_ref(thinking_model_dir: Path) -> ModelRef:
    """The identity of the tiny model that thinks, float32 on the CPU."""
    return tiny_ref_of(thinking_model_dir)
