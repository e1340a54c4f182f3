"""Prompts that begin alike: the beginning is read once, and the figures are those of whole passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM

from udasa_core import CausalLM, ModelRef, cache_use, load_causal_lm
from udasa_core.models.prefill import Prefill

BEGINNING = list(range(3, 43))
PROMPTS = [[*BEGINNING, *ending] for ending in ([50, 51, 52], [60], [50, 51, 53, 54, 55, 56])]


@pytest.fixture(scope="module")
def lm(tiny_ref: ModelRef) -> CausalLM:
    return load_causal_lm(tiny_ref)


def whole(model: Any, prompt: Sequence[int]) -> list[float]:
    with torch.inference_mode():
        figures: list[float] = model(torch.tensor([list(prompt)])).logits[0, -1].tolist()
    return figures


def tokens_read(model: Any, prompts: Sequence[Sequence[int]], monkeypatch: pytest.MonkeyPatch) -> int:
    """Read all prompts, assert their figures, and return how many tokens the model was given."""
    expected = [whole(model, prompt) for prompt in prompts]
    given: list[int] = []
    forward = model.forward

    def counting(ids: Any, *args: Any, **kwargs: Any) -> Any:
        given.append(ids.shape[1])
        return forward(ids, *args, **kwargs)

    monkeypatch.setattr(model, "forward", counting)
    prefill = Prefill(model, prompts)
    with torch.inference_mode():
        for prompt, figures in zip(prompts, expected, strict=True):
            cache, logits = prefill.read(prompt)
            assert cache.get_seq_length() == len(prompt)
            assert logits[0].tolist() == pytest.approx(figures, abs=1e-4)
    return sum(given)


def test_a_shared_beginning_is_read_once(lm: CausalLM, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tokens_read(lm.model, PROMPTS, monkeypatch) == len(BEGINNING) + 3 + 1 + 6


def test_equal_prompts_keep_a_token_each(lm: CausalLM, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tokens_read(lm.model, [BEGINNING] * 3, monkeypatch) == len(BEGINNING) - 1 + 3


def test_a_prompt_that_begins_another_keeps_a_token(lm: CausalLM, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = [BEGINNING, [*BEGINNING, 50]]
    assert tokens_read(lm.model, prompts, monkeypatch) == len(BEGINNING) - 1 + 1 + 2


@pytest.mark.parametrize("prompts", [[BEGINNING], [[9, *BEGINNING], [8, *BEGINNING]], [[3, 4], [3, 5]]])
def test_nothing_is_shared_where_it_spares_nothing(
    lm: CausalLM, prompts: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tokens_read(lm.model, prompts, monkeypatch) == sum(map(len, prompts))


def test_a_cache_that_forgets_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        sliding_window=8,
        initializer_range=0.3,
    )
    model = MistralForCausalLM(config).eval()
    cache_use(model)  # as loading does: what is tried once is not counted
    assert tokens_read(model, PROMPTS, monkeypatch) == sum(map(len, PROMPTS))
