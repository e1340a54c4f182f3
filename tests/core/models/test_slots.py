"""The key-value slots: what moves when rows are dropped, and what a row can see."""

from __future__ import annotations

import torch
from transformers.cache_utils import DynamicCache

from udasa_core import ModelRef, load_causal_lm
from udasa_core.models.slots import Slots


def prompt_cache(length: int, value: float) -> DynamicCache:
    cache = DynamicCache()
    for layer in range(2):
        states = torch.full((1, 2, length, 16), value + layer)
        cache.update(states, -states, layer)
    return cache


def test_rows_keep_their_contents_when_others_are_dropped(tiny_ref: ModelRef) -> None:
    slots = Slots(load_causal_lm(tiny_ref).model, rows=6, columns=12)
    slots.admit(prompt_cache(5, 10.0), 3)
    slots.admit(prompt_cache(3, 20.0), 3)
    # Rows 0, 2 and 4 go: those kept beyond the third place move into the holes, row 1 stays.
    assert slots.keep([1, 3, 5]) == [3, 1, 5]
    assert slots.count == 3
    assert slots.lengths[:3].tolist() == [3, 5, 3]

    arguments = slots.step()
    assert arguments["position_ids"].tolist() == [[3], [5], [3]]
    new = torch.full((3, 2, 1, 16), 99.0)
    for layer in range(2):
        keys, values = slots.update(new, -new, layer)
        assert keys.shape == values.shape == (3, 2, 6, 16)
        assert torch.equal(keys, -values)
        ten, twenty = 10.0 + layer, 20.0 + layer
        assert keys[1, 0, :, 0].tolist() == [ten] * 5 + [99.0]
        assert keys[0, 0, :4, 0].tolist() == keys[2, 0, :4, 0].tolist() == [twenty] * 3 + [99.0]
        assert torch.isfinite(keys).all()


def test_a_forked_row_goes_its_own_way(tiny_ref: ModelRef) -> None:
    slots = Slots(load_causal_lm(tiny_ref).model, rows=4, columns=12)
    slots.admit(prompt_cache(5, 10.0), 1)
    slots.admit(prompt_cache(3, 20.0), 1)
    slots.fork([1, 0])
    assert slots.lengths.tolist() == [5, 3, 3, 5]
    slots.step()
    new = torch.arange(4.0)[:, None, None, None].expand(4, 2, 1, 16)
    keys, _ = slots.update(new, -new, 0)
    assert keys[:, 0, :, 0].tolist() == [
        [10.0] * 5 + [0.0],
        [20.0] * 3 + [1.0, 0.0, 0.0],
        [20.0] * 3 + [2.0, 0.0, 0.0],
        [10.0] * 5 + [3.0],
    ]


def test_a_row_sees_its_own_tokens_only(tiny_ref: ModelRef) -> None:
    slots = Slots(load_causal_lm(tiny_ref).model, rows=2, columns=12)
    slots.admit(prompt_cache(5, 1.0), 1)
    slots.admit(prompt_cache(2, 2.0), 1)
    mask = slots.step()["attention_mask"]
    assert mask.shape == (2, 1, 1, 6)
    assert (mask[:, 0, 0] == 0).tolist() == [[True] * 6, [True] * 3 + [False] * 3]


def test_a_dropped_rows_room_is_given_again(tiny_ref: ModelRef) -> None:
    slots = Slots(load_causal_lm(tiny_ref).model, rows=2, columns=12)
    slots.admit(prompt_cache(7, 1.0), 2)
    assert slots.keep([1]) == [1]
    slots.admit(prompt_cache(2, 3.0), 1)
    assert slots.lengths.tolist() == [7, 2]
    assert slots.keep([]) == []
    assert slots.count == 0
