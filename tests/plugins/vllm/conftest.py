"""An interpreter that holds a stand-in for vLLM, and the generator over it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeResources
from udasa_plugin_vllm.generator import VLLMGenerator

STAND_IN = Path(__file__).with_name("stand_in")


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of an interpreter that holds the stand-in."""
    script = tmp_path_factory.mktemp("vllm") / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={STAND_IN} exec {sys.executable} "$@"\n')
    script.chmod(0o755)
    return str(script)


def generator_of(python: str, resources: FakeResources, **options: Any) -> VLLMGenerator:
    checked = VLLMGenerator.Options(**{"python": python, "start_timeout": 120, "timeout": 120, **options})
    return VLLMGenerator(checked, "vllm", resources)
