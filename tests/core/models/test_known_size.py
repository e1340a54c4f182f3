"""A model's size before it is here: by its files, the hub's figure or its name; or assumed, and said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2 as httpx
import pytest

from udasa_core.errors import SourceError
from udasa_core.models.known_size import ASSUMED, known_size, parameters_in
from udasa_core.models.model_size import model_size, typical_size
from udasa_core.sources import hub


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Qwen2.5-7B-Instruct", 7e9),
        ("Llama-3.1-8B", 8e9),
        ("SmolLM2-135M-Instruct.Q4_1.gguf", 135e6),
        ("Qwen1.5-0.5B-Chat", 5e8),
        ("gemma-3-4b-it", 4e9),
        ("TinyLlama_1.1B", 1.1e9),
        ("Qwen3-30B-A3B", 30e9),
        ("Mixtral-8x7B-v0.1", 56e9),
        ("phi-4", 0),
        ("gpt2", 0),
        ("bert-base-v3b", 0),
    ],
)
def test_a_name_may_say_it(name: str, parameters: float) -> None:
    assert parameters_in(name) == parameters


def test_files_say_it_exactly(tiny_model_dir: Path) -> None:
    known = known_size(f"file:{tiny_model_dir}", Path())
    assert known.size == model_size(f"file:{tiny_model_dir}", Path())
    assert (known.is_exact, known.is_assumed, known.basis) == (True, False, "by its files")


@pytest.mark.parametrize(
    ("name", "says", "parameters", "basis"),
    [
        ("org/tiny-7B", lambda: 6_738_415_616, 6_738_415_616, "as the hub says"),
        ("org/tiny-7B", lambda: 0, 7_000_000_000, "by its name"),
        ("org/tiny-7B", None, 7_000_000_000, "the hub gave no answer, by its name"),
        ("org/tiny", None, ASSUMED, "assumed: the hub gave no answer, and neither files nor name tell"),
    ],
)
def test_the_hub_is_asked_for_what_is_not_here(
    name: str,
    says: Callable[[], int] | None,
    parameters: int,
    basis: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def parameters_of(source: Any) -> int:
        if says is None:
            raise hub.SilentHubError("no answer")
        return says()

    monkeypatch.setattr(hub, "parameters", parameters_of)
    known = known_size(f"hf:{name}", Path())
    assert (known.size.parameters, known.basis) == (parameters, basis)
    assert known.is_assumed == (parameters == ASSUMED)
    assert not known.is_exact


def test_what_the_hub_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import RepositoryNotFoundError

    def model_info(self: Any, name: str, **options: Any) -> Any:
        assert options["expand"] == ["safetensors"]
        if name == "org/none":
            request = httpx.Request("GET", "https://hub")
            raise RepositoryNotFoundError("no such model", response=httpx.Response(404, request=request))
        return SimpleNamespace(safetensors=SimpleNamespace(total=12_000_000))

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", model_info)
    assert known_size("hf:org/some", Path()).size.parameters == 12_000_000
    with pytest.raises(SourceError, match="org/none"):
        known_size("hf:org/none", Path())


@pytest.mark.parametrize(
    ("parameters", "layers", "hidden"),
    # Qwen 2.5 of 0.5B, 7B, 14B; Llama 3 of 8B and 70B, as their config.json has it.
    [(494e6, 24, 896), (7.62e9, 28, 3584), (14.8e9, 48, 5120), (8.03e9, 32, 4096), (70.6e9, 80, 8192)],
)
def test_a_typical_decoder_is_near_real_ones(parameters: float, layers: int, hidden: int) -> None:
    typical = typical_size(round(parameters))
    assert 0.9 <= typical.layers * typical.hidden / (layers * hidden) <= 1.5
    assert typical.key_width <= 1024
