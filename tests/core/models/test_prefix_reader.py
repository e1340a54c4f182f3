from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udasa_core import CausalLM, ModelRef, load_causal_lm
from udasa_core.models.prefix_reader import PrefixReader, Tokens, _branches, _Node

if TYPE_CHECKING:
    from torch import Tensor


@pytest.fixture(scope="module")
def lm(tiny_ref: ModelRef) -> CausalLM:
    return load_causal_lm(tiny_ref)


def _first(logits: Tensor) -> Tensor:
    return logits[:, 7]


def _plain(lm: CausalLM, sequences: list[Tokens]) -> list[float]:
    import torch

    with torch.inference_mode():
        return [float(lm.model(torch.tensor([ids])).logits[0, -1, 7]) for ids in sequences]


def test_unlike_lengths_without_a_common_beginning(lm: CausalLM) -> None:
    """Rows that begin with padding: nothing of it may leak."""
    draw = random.Random(0)
    sequences = [tuple(draw.randrange(3, 200) for _ in range(5 + 3 * row)) for row in range(12)]
    figures = PrefixReader(lm.model).read(sequences, _first)
    assert figures == pytest.approx(_plain(lm, sequences), abs=1e-4)


def test_deep_and_nested_sharing(lm: CausalLM) -> None:
    draw = random.Random(1)

    def some(count: int) -> Tokens:
        return tuple(draw.randrange(3, 200) for _ in range(count))

    start = some(40)
    sequences = [
        start + stem + body + tail
        for stem in (some(20), some(33))
        for body in (some(30), some(17), some(1))
        for tail in (some(4), some(9))
    ]
    sequences += [start, (*start, 5), sequences[0]]  # beginnings of others, and one twice
    draw.shuffle(sequences)
    figures = PrefixReader(lm.model).read(sequences, _first)
    assert figures == pytest.approx(_plain(lm, sequences), abs=1e-4)
    assert PrefixReader(lm.model).read([], _first) == []


def test_a_cache_that_forgets_is_not_shared() -> None:
    import torch
    from transformers import MistralConfig, MistralForCausalLM

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
    start = tuple(range(3, 43))
    sequences = [(*start, 50, *range(3, 3 + length)) for length in (1, 6, 20)]
    with torch.inference_mode():
        plain = [float(model(torch.tensor([ids])).logits[0, -1, 7]) for ids in sequences]
    assert PrefixReader(model).read(sequences, _first) == pytest.approx(plain, abs=1e-5)


def _spelt(nodes: tuple[_Node, ...], before: Tokens = ()) -> dict[int, Tokens]:
    """Return the sequence that each end of the tree spells."""
    spelt: dict[int, Tokens] = {}
    for node in nodes:
        if node.children:
            spelt |= _spelt(node.children, before + node.segment)
        else:
            spelt[node.ends] = before + node.segment
        assert node.segment
    return spelt


tokens = st.lists(st.integers(0, 2), min_size=1, max_size=12).map(tuple)


@settings(max_examples=200)
@given(st.sets(tokens, min_size=1, max_size=30), st.booleans())
def test_the_tree_spells_exactly_its_sequences(sequences: set[Tokens], long: bool) -> None:
    if long:  # long runs, so that sharing pays
        sequences = {tuple(token for token in one for _ in range(9)) for one in sequences}
    distinct = sorted(sequences)
    spelt = _spelt(_branches(distinct, range(len(distinct)), 0))
    assert spelt == dict(enumerate(distinct))
