"""An interpreter that holds a stand-in for vLLM, and the generator over it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes import FakeResources
from tests.plugins.vllm.stand_in_python import stand_in_python
from udasa_plugin_vllm.generator import VLLMGenerator


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of an interpreter that holds the stand-in."""
    return stand_in_python(tmp_path_factory.mktemp("vllm"))


def generator_of(python: str, resources: FakeResources, **options: Any) -> VLLMGenerator:
    checked = VLLMGenerator.Options(**{"python": python, "start_timeout": 120, "timeout": 120, **options})
    return VLLMGenerator(checked, "vllm", resources)
